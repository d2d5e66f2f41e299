//! What the cache on the target does when all is well.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use proofs::binary;

use crate::accounts::{HOME, LOGIN, OTHER};
use crate::world::{Way, shell, within};

const FACTS: &str = "iommu_facts";
const ROOTS: &str = "/var/lib/pci-passthrough/bin";

pub fn one_command_a_task_on_a_warm_cache(version: &str) {
    within("cached::one_command", version, |world| {
        let arguments = format!("root={}", world.host("debian-amd").display());
        for rights in [&[][..], &["--become"]] {
            let cold = world.task(Way::Cached, FACTS, &arguments, rights).succeeded();
            assert_eq!(cold.channels, ["command"; 3], "a miss, the copy, the run: {}", cold.text);
            let warm = world.task(Way::Cached, FACTS, &arguments, rights).succeeded();
            assert_eq!(warm.channels, ["command"], "{}", warm.text);
        }
        let ordinary = world.task(Way::Ordinary, FACTS, &arguments, &[]).succeeded();
        assert!(ordinary.channels.len() >= 7, "what it is measured against: {:?}", ordinary.channels);
        for dir in [ROOTS.to_owned(), format!("{HOME}/.cache/pci-passthrough/bin")] {
            let owner = if dir == ROOTS { "root" } else { LOGIN };
            let modes = shell(&format!("stat -c '%U %a' {dir} {dir}/*"));
            assert_eq!(modes, format!("{owner} 700\n{owner} 700\n"), "{dir}");
        }
        assert_eq!(
            shell("stat -c %a /var/lib/pci-passthrough"),
            "755\n",
            "the stamps there are for all to read"
        );
    });
}

pub fn noise_of_the_login_shell_is_no_answer(version: &str) {
    within("cached::noise", version, |world| {
        let noise = r#"echo 'Welcome! {"failed": true}'; echo '{"changed": true}'; echo "pci.passthrough: MISS" >&2
            printf 'Welcome without a line end '"#;
        fs::write(format!("{HOME}/.bashrc"), noise).expect("the shell's settings");
        let arguments = format!("root={}", world.host("debian-amd").display());
        for rights in [&["--become"][..], &["--become"], &[], &[]] {
            let ran = world.task(Way::Cached, FACTS, &arguments, rights).succeeded();
            assert_eq!(ran.files(), 0, "{rights:?}: {:?}\n{}", ran.channels, ran.text);
            assert!(ran.text.contains("pci_passthrough"), "{}", ran.text);
            assert!(!ran.text.contains("Welcome"), "{}", ran.text);
        }
    });
}

pub fn large_arguments_reach_a_cold_cache(version: &str) {
    within("cached::large_arguments", version, |world| {
        let root = world.host("debian-amd");
        let book = format!(
            "- hosts: target\n  gather_facts: false\n  tasks:\n    - pci.passthrough.grub_iommu:\n        root: {}\n        \
             colour: \"{{{{ 'red' * 3000000 }}}}\"\n      ignore_errors: true\n      register: refused\n    \
             - ansible.builtin.assert:\n        that: refused.msg is search('module. colour. Supported')\n",
            root.display()
        );
        for _ in 0..2 {
            let ran = world.play(Way::Cached, &book, &["--become"]).succeeded();
            assert_eq!(ran.files(), 0, "{:?}", ran.channels);
        }
    });
}

/// Eight tasks at once find the cache empty.
pub fn many_at_once_share_one_copy(version: &str) {
    within("cached::many_at_once", version, |world| {
        let root = world.host("debian-amd");
        let book = format!(
            "- hosts: many\n  gather_facts: false\n  become: true\n  tasks:\n    - pci.passthrough.iommu_facts:\n        \
             root: {}\n",
            root.display()
        );
        let ran = world.play(Way::Cached, &book, &["--forks=8"]).succeeded();
        assert_eq!(ran.files(), 0, "{:?}\n{}", ran.channels, ran.text);
        let left = shell(&format!("ls -A {ROOTS}"));
        assert_eq!(left.lines().count(), 1, "{left}");
    });
}

pub fn old_versions_go(version: &str) {
    within("cached::old_versions_go", version, |world| {
        let arguments = format!("root={}", world.host("debian-amd").display());
        shell(&format!(
            "mkdir -p {ROOTS}; chmod 700 {ROOTS}; cd {ROOTS}
             touch -d '2 days ago' {FACTS}.0123 .{FACTS}.77 grub_iommu.4567 notes
             touch -d '2 hours ago' {FACTS}.89ab"
        ));
        world.task(Way::Cached, FACTS, &arguments, &["--become"]).succeeded();
        let left = shell(&format!(
            "ls -A {ROOTS} | sed 's/\\([0-9a-f]\\{{60\\}}\\)[0-9a-f]*/THIS/' | LC_ALL=C sort"
        ));
        assert_eq!(left, format!("grub_iommu.4567\n{FACTS}.89ab\n{FACTS}.THIS\nnotes\n"));
    });
}

pub fn another_user_has_a_cache_of_their_own(version: &str) {
    within("cached::another_user", version, |world| {
        let arguments = format!("root={}", world.host("debian-amd").display());
        let rights = ["--become", "--become-user", OTHER];
        world.task(Way::Cached, FACTS, &arguments, &rights).succeeded();
        let ran = world.task(Way::Cached, FACTS, &arguments, &rights).succeeded();
        assert_eq!(ran.channels, ["command"], "{}", ran.text);
        let owner = shell(&format!("stat -c %U /home/{OTHER}/.cache/pci-passthrough/bin/*"));
        assert_eq!(owner, format!("{OTHER}\n"));
    });
}

pub fn an_unknown_architecture_is_named(version: &str) {
    within("cached::unknown_architecture", version, |world| {
        let root = world.host("debian-amd");
        // The kernel itself tells another name to all that is started so.
        world.wrap("setarch i686");
        let shipped = if std::env::consts::ARCH == "x86_64" { "x86_64" } else { "aarch64" };
        let book = |more: &str| {
            format!(
                "- hosts: target\n  gather_facts: false\n  tasks:\n    - pci.passthrough.iommu_facts:\n        root: {}\n{more}",
                root.display()
            )
        };
        for (options, more) in [
            (&[][..], ""),
            (&["--become"][..], ""),
            (&[][..], "      async: 60\n"),
            (&["--extra-vars=ansible_ssh_extra_args='-o RequestTTY=force'"][..], ""),
        ] {
            let ran = world.play(Way::Cached, &book(more), options);
            assert_eq!(ran.rc, 2, "{}", ran.text);
            let text = ran.text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(
                text.contains(
                    "pci.passthrough.iommu_facts has no binary for the architecture i686; it ships"
                ),
                "{text}"
            );
            assert!(text.contains(shipped), "{text}");
        }
    });
}

/// Commands that a module starts would inherit it, of which LVM's complain.
pub fn the_descriptor_it_runs_through_is_closed(_: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec 9<\"$0\"; exec /proc/self/fd/9 -"]).arg(binary("iommu_facts"));
    // It waits for its arguments.
    let mut module = shell.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("sh starts");
    let process = format!("/proc/{}", module.id());
    let end = Instant::now() + Duration::from_secs(20);
    let runs = || {
        fs::read_to_string(format!("{process}/cmdline")).is_ok_and(|line| line.starts_with("/proc/self/fd/9"))
    };
    let open = || Path::new(&format!("{process}/fd/9")).symlink_metadata().is_ok();
    while !runs() || open() {
        assert!(Instant::now() < end, "runs: {}, open: {}", runs(), open());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(module.try_wait().expect("a child").is_none(), "it ended too early to be looked at");
    module.kill().expect("it is killed");
    let _ = module.wait();
}
