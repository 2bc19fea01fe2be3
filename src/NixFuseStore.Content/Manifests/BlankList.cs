namespace NixFuseStore.Content;

/// <summary>
/// The blanks section together with the hashes of a header: where in the content stream which store hash has to be put back.
/// Immutable; any thread; only <see cref="Parse"/> allocates.
/// </summary>
public sealed partial class BlankList
{
    /// <summary>Blanked places in the stream.</summary>
    public int Count => throw new NotImplementedException();

    /// <summary>Reads and fully validates a blanks section. Its digest is not checked here: see <see cref="ManifestHeader.OpenBlanks"/>.</summary>
    /// <param name="section">Plain canonical bytes; not kept.</param>
    /// <param name="header">The header that holds the hashes.</param>
    /// <exception cref="ManifestFormatException">The bytes are not canonical, or name hashes that the header lacks.</exception>
    public static BlankList Parse(ReadOnlyMemory<byte> section, ManifestHeader header) => throw new NotImplementedException();

    /// <summary>Stream position of a blank: its 32 bytes stand there.</summary>
    public long Position(int blank) => throw new NotImplementedException();

    /// <summary>Whether any byte of [streamStart, streamStart + length) is blanked.</summary>
    public bool Overlaps(long streamStart, long length) => throw new NotImplementedException();

    /// <summary>
    /// Puts the hashes back into a copy of a stream range; blanks that the range cuts are restored as far as they lie in it.
    /// </summary>
    /// <param name="streamStart">Stream position of the first byte.</param>
    /// <param name="bytes">The range's blanked bytes, changed in place.</param>
    /// <returns>Blanks that were restored, wholly or in part.</returns>
    public int Patch(long streamStart, Span<byte> bytes) => throw new NotImplementedException();
}
