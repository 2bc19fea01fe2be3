namespace NixFuseStore.Native.Linux;

/// <summary>What a file is, whose, and which.</summary>
/// <param name="Mode">Kind and permissions, as stat has them.</param>
/// <param name="UserId">Its owner.</param>
/// <param name="Device">The file system that it lies in.</param>
/// <param name="Inode">Its number there.</param>
public readonly record struct FileIdentity(uint Mode, uint UserId, ulong Device, ulong Inode)
{
    private const uint KindMask = 0xF000; // S_IFMT
    private const uint Directory = 0x4000; // S_IFDIR
    private const uint Socket = 0xC000; // S_IFSOCK
    private const uint OthersWrite = 0x12; // S_IWGRP | S_IWOTH

    /// <summary>Whether it is a directory.</summary>
    public bool IsDirectory => (Mode & KindMask) == Directory;

    /// <summary>Whether it is a unix socket.</summary>
    public bool IsSocket => (Mode & KindMask) == Socket;

    /// <summary>Whether others than its owner may change it.</summary>
    public bool IsWritableByOthers => (Mode & OthersWrite) != 0;
}
