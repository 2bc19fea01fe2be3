using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Testing.Fuse;

/// <summary>An answer as the kernel got it.</summary>
public sealed record FuseTestReply(ulong Unique, Errno Error, byte[] Body)
{
    /// <summary>The body of an answer to LOOKUP or MKNOD.</summary>
    public FuseEntryOut Entry => MemoryMarshal.Read<FuseEntryOut>(Expect(128));

    /// <summary>The body of an answer to GETATTR or SETATTR.</summary>
    public FuseAttr Attributes => MemoryMarshal.Read<FuseAttr>(Expect(104).AsSpan(16));

    /// <summary>The body of an answer to STATFS.</summary>
    public FuseStatFs FileSystem => MemoryMarshal.Read<FuseStatFs>(Expect(80));

    /// <summary>The body of an answer to READLINK.</summary>
    public string Text => Encoding.UTF8.GetString(Body);

    /// <summary>The body of an answer to READDIR.</summary>
    public IReadOnlyList<FuseTestEntry> Directory => ReadEntries(withAttributes: false);

    /// <summary>The body of an answer to READDIRPLUS.</summary>
    public IReadOnlyList<FuseTestEntry> DirectoryPlus => ReadEntries(withAttributes: true);

    private byte[] Expect(int bytes) =>
        Error == Errno.None && Body.Length == bytes ? Body : throw new InvalidOperationException($"Answer is {Error} with {Body.Length} bytes, not {bytes} bytes.");

    private List<FuseTestEntry> ReadEntries(bool withAttributes)
    {
        var entries = new List<FuseTestEntry>();
        for (var rest = Body.AsSpan(); !rest.IsEmpty;)
        {
            FuseEntryOut? entry = null;
            var head = 0;
            if (withAttributes)
            {
                entry = MemoryMarshal.Read<FuseEntryOut>(rest);
                head = Unsafe.SizeOf<FuseEntryOut>();
            }

            var dirent = MemoryMarshal.Read<FuseDirent>(rest[head..]);
            head += Unsafe.SizeOf<FuseDirent>();
            var name = Encoding.UTF8.GetString(rest.Slice(head, (int)dirent.NameBytes));
            entries.Add(new FuseTestEntry(name, dirent.Inode, dirent.Cookie, dirent.Type, entry));
            rest = rest[((head + (int)dirent.NameBytes + 7) & ~7)..];
        }

        return entries;
    }
}
