namespace NixFuseStore.Nix.Archives;

/// <summary>Where a <see cref="NarWriter"/> puts its bytes.</summary>
public interface INarOutput
{
    /// <summary>The next bytes of the NAR, split anyhow; valid only during the call.</summary>
    void Write(ReadOnlySpan<byte> bytes);
}
