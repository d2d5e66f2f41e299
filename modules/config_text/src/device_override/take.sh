
# In the initramfs, before udev loads any driver: each device below is kept for vfio-pci by its
# driver_override and then bound. One that is gone, or that is another device by now because addresses
# have moved, is left to the host; the kernel log says so.
say() {
    echo "<4>pci-passthrough: $*" >/dev/kmsg
}

# take ADDRESS VENDOR:DEVICE SUBVENDOR:SUBDEVICE
take() {
    device=/sys/bus/pci/devices/$1
    if [ ! -e "$device/driver_override" ]; then
        say "$1 ($2) is not there"
        return 0
    fi
    read -r vendor <"$device/vendor"
    read -r product <"$device/device"
    read -r subvendor <"$device/subsystem_vendor"
    read -r subproduct <"$device/subsystem_device"
    is="${vendor#0x}:${product#0x} ${subvendor#0x}:${subproduct#0x}"
    if [ "$is" != "$2 $3" ]; then
        say "$1 is now $is, not $2 $3: left to the host; run the vfio_bind module again"
        return 0
    fi
    echo vfio-pci >"$device/driver_override"
    taken="$taken $1"
}

taken=
@DEVICES@
if [ -n "$taken" ]; then
    modprobe vfio-pci || say "vfio-pci cannot be loaded"
fi
for address in $taken; do
    [ ! -e "/sys/bus/pci/drivers/vfio-pci/$address" ] || continue
    device=/sys/bus/pci/devices/$address
    # A driver that is built into the kernel was there first.
    [ ! -e "$device/driver/unbind" ] || echo "$address" >"$device/driver/unbind"
    echo "$address" >/sys/bus/pci/drivers_probe
    [ -e "/sys/bus/pci/drivers/vfio-pci/$address" ] || say "$address is not on vfio-pci"
done
