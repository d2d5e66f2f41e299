#!/bin/sh
# Brings vfio-pci into the initramfs (pci.passthrough.vfio_bind).
case "$1" in
prereqs)
    exit 0
    ;;
esac

. /usr/share/initramfs-tools/hook-functions
manual_add_modules vfio_pci vfio_iommu_type1
