using NixFuseStore.Fuse.Channels;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Tests.Channels;

/// <summary>The descriptor of a mount as another process gets it: sent over a socket.</summary>
internal sealed class DeviceChannelCopy
{
    public DeviceChannelCopy(DeviceChannel original)
    {
        var (ours, theirs) = Libc.CreateSocketPair();
        using (ours)
        using (theirs)
        {
            Assert.Equal(Errno.None, Libc.SendDescriptor(ours, original.Device));
            Assert.Equal(Errno.None, Libc.ReceiveDescriptor(theirs, TimeSpan.FromSeconds(10), out var device));
            Channel = new DeviceChannel(device!);
        }
    }

    public DeviceChannel Channel { get; }
}
