#!/bin/bash
# Brings vfio-pci and the hook that binds devices to it into the initramfs (pci.passthrough.vfio_bind).

check() {
    return 0
}

depends() {
    return 0
}

installkernel() {
    # Needed whether or not the machine that builds the image has it loaded.
    hostonly='' instmods vfio-pci vfio_iommu_type1
}

install() {
    inst_hook pre-udev 00 "$moddir/pci-passthrough.sh"
}
