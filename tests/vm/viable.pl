# Asks the kernel, as QEMU does, whether an IOMMU group can be given to a virtual machine, and takes one of its
# devices. Perl is in every Debian. The numbers are those of linux/vfio.h.
# usage: viable.pl GROUP ADDRESS
use strict;
use warnings;

my ($VFIO_SET_IOMMU, $VFIO_GROUP_GET_STATUS, $VFIO_GROUP_SET_CONTAINER, $VFIO_GROUP_GET_DEVICE_FD) =
    (0x3b66, 0x3b67, 0x3b68, 0x3b6a);
my ($FLAGS_VIABLE, $TYPE1V2_IOMMU) = (1, 3);

my ($number, $address) = @ARGV;
open(my $container, '+<', '/dev/vfio/vfio') or die "/dev/vfio/vfio: $!\n";
open(my $group, '+<', "/dev/vfio/$number") or die "/dev/vfio/$number: $!\n";

my $status = pack('II', 8, 0);
ioctl($group, $VFIO_GROUP_GET_STATUS, $status) or die "group status: $!\n";
my (undef, $flags) = unpack('II', $status);
die "group $number is not viable (flags $flags)\n" unless $flags & $FLAGS_VIABLE;

my $descriptor = pack('i', fileno($container));
ioctl($group, $VFIO_GROUP_SET_CONTAINER, $descriptor) or die "set container: $!\n";
# A plain number goes to the kernel as it is.
ioctl($container, $VFIO_SET_IOMMU, $TYPE1V2_IOMMU) or die "set type1 v2: $!\n";
my $name = "$address\0";
my $device = ioctl($group, $VFIO_GROUP_GET_DEVICE_FD, $name) or die "device $address: $!\n";
print "group $number viable, type1 v2 set, device descriptor of $address obtained\n";
