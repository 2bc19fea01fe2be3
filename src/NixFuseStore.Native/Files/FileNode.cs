using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Native.Files;

/// <summary>
/// An open file or directory, by whose descriptor others are reached. Names are bytes, since .NET's own calls lose names that are
/// not UTF-8; links are never followed. Calls on one node may not overlap. The owner disposes it.
/// </summary>
public sealed unsafe class FileNode : IDisposable
{
    // linux_dirent64: inode 8, offset 8, record length 2, type 1, name with NUL.
    private const int EntryLengthOffset = 16;
    private const int EntryTypeOffset = 18;
    private const int EntryNameOffset = 19;
    private const int ListingBufferBytes = 64 * 1024;

    private readonly SafeFileHandle _handle;

    private FileNode(int descriptor) => _handle = new SafeFileHandle(descriptor, ownsHandle: true);

    private int Descriptor => (int)_handle.DangerousGetHandle();

    /// <summary>Opens a file or directory for reading, in a directory or (with null) by a path; a pipe does not block.</summary>
    /// <param name="directory">Where the name stands; null for the working directory and absolute paths.</param>
    /// <param name="name">Name or path without NUL.</param>
    /// <exception cref="IOException">It cannot be opened; a link cannot.</exception>
    public static FileNode Open(FileNode? directory, ReadOnlySpan<byte> name)
    {
        const int Flags = FileCalls.OpenReadOnly | FileCalls.OpenNoFollow | FileCalls.OpenNonBlocking | FileCalls.OpenCloseOnExec;
        fixed (byte* text = Terminated(name))
        {
            return new FileNode((int)Require(FileCalls.openat(DescriptorOf(directory), text, Flags, 0)));
        }
    }

    /// <summary>The status of an entry, of the link itself where it is one.</summary>
    /// <exception cref="IOException">There is none, or it may not be looked at.</exception>
    public static FileStatus StatusOf(FileNode? directory, ReadOnlySpan<byte> name)
    {
        fixed (byte* text = Terminated(name))
        {
            return Status(DescriptorOf(directory), text, FileCalls.SymlinkNoFollow);
        }
    }

    /// <summary>The target of a link, at most 4,096 bytes of it.</summary>
    /// <exception cref="IOException">It is no link, or is gone.</exception>
    public static byte[] TargetOf(FileNode? directory, ReadOnlySpan<byte> name)
    {
        const int Longest = 4096;
        byte* target = stackalloc byte[Longest];
        fixed (byte* text = Terminated(name))
        {
            nint length = Require(FileCalls.readlinkat(DescriptorOf(directory), text, target, Longest));
            return new ReadOnlySpan<byte>(target, (int)length).ToArray();
        }
    }

    /// <summary>The status of this file now.</summary>
    public FileStatus Status()
    {
        byte empty = 0;
        return Status(Descriptor, &empty, FileCalls.EmptyPath);
    }

    /// <summary>Reads the next bytes of the file; 0 at its end.</summary>
    /// <exception cref="IOException">The disk fails, or this is a directory.</exception>
    public int Read(Span<byte> buffer)
    {
        fixed (byte* to = buffer)
        {
            return (int)Require(FileCalls.read(Descriptor, to, (nuint)buffer.Length));
        }
    }

    /// <summary>The entries of this directory but "." and "..", in no order.</summary>
    /// <exception cref="IOException">This is no directory, or the disk fails.</exception>
    public List<DirectoryEntry> ReadEntries()
    {
        var entries = new List<DirectoryEntry>();
        var buffer = new byte[ListingBufferBytes];
        fixed (byte* to = buffer)
        {
            while (true)
            {
                int length = (int)Require(FileCalls.getdents64(Descriptor, to, ListingBufferBytes));
                if (length == 0)
                {
                    return entries;
                }

                AddEntries(buffer.AsSpan(0, length), entries);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private static void AddEntries(ReadOnlySpan<byte> listing, List<DirectoryEntry> entries)
    {
        while (!listing.IsEmpty)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(listing[EntryLengthOffset..]);
            var name = listing[EntryNameOffset..length];
            name = name[..name.IndexOf((byte)0)];
            if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
            {
                entries.Add(new DirectoryEntry(name.ToArray(), KindOfEntry(listing[EntryTypeOffset])));
            }

            listing = listing[length..];
        }
    }

    private static FileStatus Status(int directory, byte* name, int flags)
    {
        FileCalls.Statx result;
        Require(FileCalls.statx(directory, name, flags, FileCalls.StatxBasicStats, &result));
        return new FileStatus(
            KindOfMode(result.Mode), (result.Mode & 0x40) != 0, result.Size, result.ModifiedSeconds, result.ModifiedNanoseconds);
    }

    // S_IFMT of stat(2).
    internal static FileKind KindOfMode(ushort mode) => (mode & 0xf000) switch
    {
        0x8000 => FileKind.Regular,
        0x4000 => FileKind.Directory,
        0xa000 => FileKind.Symlink,
        _ => FileKind.Special,
    };

    // DT_… of readdir(3).
    private static FileKind KindOfEntry(byte type) => type switch
    {
        0 => FileKind.Unknown,
        4 => FileKind.Directory,
        8 => FileKind.Regular,
        10 => FileKind.Symlink,
        _ => FileKind.Special,
    };

    private static int DescriptorOf(FileNode? directory) => directory?.Descriptor ?? FileCalls.AtCurrentDirectory;

    private static byte[] Terminated(ReadOnlySpan<byte> name)
    {
        if (name.Contains((byte)0))
        {
            throw new ArgumentException("A file name cannot hold NUL.", nameof(name));
        }

        var text = new byte[name.Length + 1];
        name.CopyTo(text);
        return text;
    }

    private static nint Require(nint result) => result >= 0
        ? result
        : throw new IOException(Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()), Marshal.GetLastPInvokeError());
}
