namespace NixFuseStore.Fuse.Kernel;

internal enum FuseNotifyCode // enum fuse_notify_code
{
    InvalidateInode = 2,
    InvalidateEntry = 3,
    Delete = 6,
    Resend = 7, // Linux 6.9
}
