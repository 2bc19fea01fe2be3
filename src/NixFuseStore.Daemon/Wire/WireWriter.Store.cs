using System.Text;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Wire;

/// <content>The store's own types.</content>
internal sealed partial class WireWriter
{
    /// <summary>Writes a full store path, without making a string of it.</summary>
    internal void Path(StoreDirectory directory, StorePath path)
    {
        var prefix = directory.PrefixBytes;
        string baseName = path.BaseName;
        var room = ExtendByString(prefix.Length + baseName.Length);
        prefix.CopyTo(room);
        Encoding.ASCII.GetBytes(baseName, room[prefix.Length..]);
    }

    /// <summary>Writes a full store path, or an empty string.</summary>
    internal void OptionalPath(StoreDirectory directory, StorePath? path)
    {
        if (path is { } some)
        {
            Path(directory, some);
        }
        else
        {
            Bytes([]);
        }
    }

    /// <summary>Writes the references of one path.</summary>
    internal void Paths(StoreDirectory directory, IReadOnlyCollection<StorePath> paths)
    {
        Number((ulong)paths.Count);
        foreach (var path in paths)
        {
            Path(directory, path);
        }
    }

    /// <summary>Writes any number of paths, in bytewise order as stock Nix does, and sends them as they get many.</summary>
    internal async ValueTask PathSetAsync(StoreDirectory directory, IReadOnlyCollection<StorePath> paths)
    {
        Number((ulong)paths.Count);
        foreach (var path in paths.Count > 1 ? paths.Order() : (IEnumerable<StorePath>)paths)
        {
            Path(directory, path);
            await FlushIfLongAsync();
        }
    }

    /// <summary>Writes what is recorded of a path, without the path.</summary>
    internal void UnkeyedPathInfo(StoreDirectory directory, PathInfo info)
    {
        OptionalPath(directory, info.Deriver);
        Text(info.NarHash.ToHex());
        Paths(directory, info.References);
        Number((ulong)info.RegistrationTime);
        Number(info.NarSize);
        Bool(info.Ultimate);
        Number((ulong)info.Signatures.Count);
        foreach (var signature in info.Signatures)
        {
            Text(signature.ToString());
        }

        Text(info.ContentAddress?.ToString());
    }

    /// <summary>Writes a path and what is recorded of it.</summary>
    internal void PathInfo(StoreDirectory directory, PathInfo info)
    {
        Path(directory, info.Path);
        UnkeyedPathInfo(directory, info);
    }
}
