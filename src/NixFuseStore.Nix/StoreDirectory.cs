using System.Text;

namespace NixFuseStore.Nix;

/// <summary>The directory that a store's paths name, <c>/nix/store</c> nearly always. It is part of every path's hash.</summary>
public sealed class StoreDirectory : IEquatable<StoreDirectory>
{
    /// <summary><c>/nix/store</c>.</summary>
    public static readonly StoreDirectory Default = new("/nix/store");

    /// <summary>Takes an absolute path without "." or "..", without empty parts and without a slash at its end.</summary>
    /// <exception cref="FormatException">It is no such path.</exception>
    public StoreDirectory(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (path.Length < 2 || path[0] != '/' || path.Contains('\0', StringComparison.Ordinal)
            || path[1..].Split('/').Any(part => part is "" or "." or ".."))
        {
            throw new FormatException($"'{path}' cannot be a store directory: it must be an absolute path such as /nix/store.");
        }

        Path = path;
    }

    /// <summary>The directory, without a slash at the end.</summary>
    public string Path { get; }

    /// <summary>The UTF-8 bytes of the directory and a slash: what stands before each hash part.</summary>
    public byte[] PrefixBytes => field ??= Encoding.UTF8.GetBytes(Path + "/");

    /// <summary>Reads the full path of a store path itself; false for files inside it and for anything else.</summary>
    public bool TryParse(string fullPath, out StorePath path) => TryParse(fullPath, out path, out string rest) && rest.Length == 0;

    /// <summary>
    /// Reads the full path of a store path or of a file inside it. <paramref name="rest"/> is what follows the base name: empty,
    /// or beginning with a slash.
    /// </summary>
    public bool TryParse(string fullPath, out StorePath path, out string rest)
    {
        ArgumentNullException.ThrowIfNull(fullPath);
        path = default;
        rest = "";
        if (fullPath.Length <= Path.Length || !fullPath.StartsWith(Path, StringComparison.Ordinal) || fullPath[Path.Length] != '/')
        {
            return false;
        }

        var tail = fullPath.AsSpan(Path.Length + 1);
        int end = tail.IndexOf('/');
        if (!StorePath.TryParseBaseName(end < 0 ? tail : tail[..end], out path))
        {
            return false;
        }

        rest = end < 0 ? "" : new string(tail[end..]);
        return true;
    }

    /// <summary>Reads the full path of a store path itself.</summary>
    /// <exception cref="FormatException">It is none of this store directory.</exception>
    public StorePath Parse(string fullPath) => TryParse(fullPath, out var path)
        ? path
        : throw new FormatException($"'{fullPath}' is not a store path in {Path}.");

    /// <summary>The full path.</summary>
    public string Print(StorePath path) => $"{Path}/{path.BaseName}";

    /// <inheritdoc/>
    public bool Equals(StoreDirectory? other) => other is not null && other.Path == Path;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as StoreDirectory);

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Path);

    /// <summary>The directory.</summary>
    public override string ToString() => Path;
}
