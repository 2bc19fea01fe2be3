namespace NixFuseStore.Content;

/// <summary>A piece of a NAR: what frames the files, or the content of one file.</summary>
/// <param name="NarOffset">Where in the NAR it begins.</param>
/// <param name="Framing">The bytes themselves; empty for content. Valid until the next piece is asked for.</param>
/// <param name="StreamStart">Where in the content stream the file begins; of use for content only.</param>
/// <param name="ContentLength">Bytes of content; 0 for framing, and for an empty file.</param>
/// <param name="Entry">The entry whose content it is; -1 for framing.</param>
public readonly record struct NarPiece(long NarOffset, ReadOnlyMemory<byte> Framing, long StreamStart, long ContentLength, int Entry)
{
    /// <summary>Bytes of the NAR.</summary>
    public long Length => Framing.Length + ContentLength;
}
