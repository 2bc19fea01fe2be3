using NixFuseStore.Nix;

namespace NixFuseStore.Cli.Commands;

/// <summary>Reads a store path as users give it.</summary>
internal static class StorePathArgument
{
    /// <summary>A full path, or one inside of it, or a base name, or a symbolic link to any of these.</summary>
    /// <exception cref="UsageException">It is none.</exception>
    public static StorePath Parse(string text, StoreDirectory directory)
    {
        if (directory.TryParse(text, out var path, out _) || StorePath.TryParseBaseName(text.AsSpan(), out path))
        {
            return path;
        }

        return new FileInfo(text).LinkTarget is { } target && directory.TryParse(target, out path, out _)
            ? path
            : throw new UsageException($"'{text}' is no path in {directory.Path}");
    }
}
