//! Network interfaces and the routes over them.

use crate::Host;

impl Host {
    /// An interface directly on the PCI function in `device`.
    pub fn nic(&self, device: &str, name: &str) -> &Host {
        self.interface(&format!("{device}/net/{name}"))
    }

    /// An interface of a USB adapter on the controller in `device`.
    pub fn usb_nic(&self, device: &str, name: &str) -> &Host {
        let interface = format!("{device}/usb1/1-2/1-2:1.0");
        self.folder(&interface).driver("usb", &interface, "r8152", "r8152");
        self.interface(&format!("{interface}/net/{name}"))
    }

    /// A virtio interface: a device of the virtio bus below the PCI function in `device`.
    pub fn virtio_nic(&self, device: &str, name: &str) -> &Host {
        let virtio = format!("{device}/virtio9");
        self.folder(&virtio).driver("virtio", &virtio, "virtio_net", "virtio_net");
        self.interface(&format!("{virtio}/net/{name}"))
    }

    fn interface(&self, path: &str) -> &Host {
        let name = path.rsplit('/').next().unwrap_or_default();
        self.file(&format!("{path}/operstate"), "up\n");
        self.relative_link(&format!("/sys/class/net/{name}"), path)
    }

    fn interface_path(&self, name: &str) -> String {
        let target = std::fs::read_link(self.at(&format!("/sys/class/net/{name}")))
            .unwrap_or_else(|e| panic!("interface {name} is not on this host: {e}"));
        format!("/sys/{}", target.to_string_lossy().trim_start_matches("../"))
    }

    fn stacked(&self, name: &str, on: &[&str]) -> String {
        let path = format!("/sys/devices/virtual/net/{name}");
        self.interface(&path);
        for lower in on {
            let below = self.interface_path(lower);
            self.relative_link(&format!("{path}/lower_{lower}"), &below);
            self.relative_link(&format!("{below}/upper_{name}"), &path);
        }
        path
    }

    /// A bridge.
    pub fn bridge(&self, name: &str, ports: &[&str]) -> &Host {
        let path = self.stacked(name, ports);
        self.folder(&format!("{path}/bridge"));
        for port in ports {
            let below = self.interface_path(port);
            self.folder(&format!("{below}/brport"));
            self.relative_link(&format!("{path}/brif/{port}"), &format!("{below}/brport"));
        }
        self
    }

    /// A bond.
    pub fn bond(&self, name: &str, ports: &[&str]) -> &Host {
        let path = self.stacked(name, ports);
        self.file(&format!("{path}/bonding/slaves"), format!("{}\n", ports.join(" ")))
    }

    /// A VLAN interface, or anything else that stands on one interface and has no file of its own.
    pub fn vlan(&self, name: &str, on: &str) -> &Host {
        self.stacked(name, &[on]);
        self
    }

    /// An Open vSwitch with physical ports and one internal port.
    pub fn open_vswitch(&self, internal: &str, ports: &[&str]) -> &Host {
        self.stacked("ovs-system", ports);
        self.stacked(internal, &[]);
        self
    }

    /// An IPv4 default route.
    pub fn default_route(&self, interface: &str) -> &Host {
        if !self.at("/proc/net/route").exists() {
            self.line(
                "/proc/net/route",
                "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
            );
        }
        self.line(
            "/proc/net/route",
            &format!("{interface}\t00000000\t0102000A\t0003\t0\t0\t0\t00000000\t0\t0\t0"),
        );
        self.line(
            "/proc/net/route",
            &format!("{interface}\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0"),
        )
    }

    /// An IPv6 default route.
    pub fn default_route_v6(&self, interface: &str) -> &Host {
        let zero = "0".repeat(32);
        let line = format!(
            "{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 {interface:>8}"
        );
        self.line("/proc/net/ipv6_route", &line)
    }
}
