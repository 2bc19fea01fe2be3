namespace NixFuseStore.Nix.Archives;

/// <summary>Passes each event to several visitors in turn.</summary>
public sealed class TeeNarVisitor(params INarVisitor[] visitors) : INarVisitor
{
    private readonly List<INarVisitor> _visitors = [.. visitors];

    /// <summary>Another one, which hears of what comes from now on; not to be called by a visitor.</summary>
    public void Add(INarVisitor visitor) => _visitors.Add(visitor);

    /// <inheritdoc/>
    public void EnterDirectory(ReadOnlySpan<byte> name)
    {
        foreach (var visitor in _visitors)
        {
            visitor.EnterDirectory(name);
        }
    }

    /// <inheritdoc/>
    public void LeaveDirectory()
    {
        foreach (var visitor in _visitors)
        {
            visitor.LeaveDirectory();
        }
    }

    /// <inheritdoc/>
    public void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size)
    {
        foreach (var visitor in _visitors)
        {
            visitor.BeginFile(name, executable, size);
        }
    }

    /// <inheritdoc/>
    public void FileData(ReadOnlySpan<byte> data)
    {
        foreach (var visitor in _visitors)
        {
            visitor.FileData(data);
        }
    }

    /// <inheritdoc/>
    public void EndFile()
    {
        foreach (var visitor in _visitors)
        {
            visitor.EndFile();
        }
    }

    /// <inheritdoc/>
    public void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
    {
        foreach (var visitor in _visitors)
        {
            visitor.Symlink(name, target);
        }
    }
}
