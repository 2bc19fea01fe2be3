using System.Buffers.Binary;

namespace NixFuseStore.Nix.Archives;

/// <summary>
/// Writes the NAR of the tree whose events it receives. The output has every byte once the root's last event has come. The
/// sender keeps the order that <see cref="INarVisitor"/> asks for; only the sizes of files are checked here.
/// </summary>
/// <remarks>
/// A NAR is made of strings: length (8 bytes, little-endian), bytes, zeros up to the next multiple of 8.
/// <code>
/// "nix-archive-1" node
/// node  =  "(" "type" "regular" ["executable" ""] "contents" BYTES ")"
///       |  "(" "type" "symlink" "target" TARGET ")"
///       |  "(" "type" "directory" { "entry" "(" "name" NAME "node" node ")" } ")"
/// </code>
/// </remarks>
public sealed class NarWriter : INarVisitor
{
    private const int BufferBytes = 16 * 1024;

    private readonly INarOutput _output;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private int _buffered;
    private int _depth;
    private ulong _fileSize;
    private ulong _fileRemaining;

    /// <summary>Writes to an output of the caller's.</summary>
    public NarWriter(INarOutput output)
    {
        ArgumentNullException.ThrowIfNull(output);
        _output = output;
    }

    /// <summary>Writes to a stream, which stays the caller's and is not flushed.</summary>
    public NarWriter(Stream stream)
        : this(new StreamNarOutput(stream))
    {
    }

    /// <summary>Bytes of the NAR so far.</summary>
    public ulong Length { get; private set; }

    /// <inheritdoc/>
    public void EnterDirectory(ReadOnlySpan<byte> name)
    {
        BeginNode(name, "directory"u8);
        _depth++;
    }

    /// <inheritdoc/>
    public void LeaveDirectory()
    {
        _depth--;
        EndNode();
    }

    /// <inheritdoc/>
    public void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size)
    {
        BeginNode(name, "regular"u8);
        if (executable)
        {
            WriteString("executable"u8);
            WriteString(""u8);
        }

        WriteString("contents"u8);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, size);
        Put(length);
        _fileSize = _fileRemaining = size;
    }

    /// <inheritdoc/>
    public void FileData(ReadOnlySpan<byte> data)
    {
        if ((ulong)data.Length > _fileRemaining)
        {
            throw new InvalidOperationException("A file got more bytes than its size.");
        }

        _fileRemaining -= (ulong)data.Length;
        Put(data);
    }

    /// <summary>
    /// Leaves the next bytes of the file to the caller, who puts them behind what the output got so far: for content that lies
    /// somewhere in the output's own form.
    /// </summary>
    public void SkipFileData(ulong length)
    {
        if (length > _fileRemaining)
        {
            throw new InvalidOperationException("A file got more bytes than its size.");
        }

        FlushBuffer();
        _fileRemaining -= length;
        Length += length;
    }

    /// <inheritdoc/>
    public void EndFile()
    {
        if (_fileRemaining != 0)
        {
            throw new InvalidOperationException("A file got fewer bytes than its size.");
        }

        PutPadding(_fileSize);
        EndNode();
    }

    /// <inheritdoc/>
    public void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
    {
        BeginNode(name, "symlink"u8);
        WriteString("target"u8);
        WriteString(target);
        EndNode();
    }

    private void BeginNode(ReadOnlySpan<byte> name, ReadOnlySpan<byte> type)
    {
        if (_depth == 0)
        {
            WriteString("nix-archive-1"u8);
        }
        else
        {
            WriteString("entry"u8);
            WriteString("("u8);
            WriteString("name"u8);
            WriteString(name);
            WriteString("node"u8);
        }

        WriteString("("u8);
        WriteString("type"u8);
        WriteString(type);
    }

    private void EndNode()
    {
        WriteString(")"u8);
        if (_depth == 0)
        {
            FlushBuffer();
        }
        else
        {
            WriteString(")"u8);
        }
    }

    private void WriteString(ReadOnlySpan<byte> text)
    {
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)text.Length);
        Put(length);
        Put(text);
        PutPadding((ulong)text.Length);
    }

    private void PutPadding(ulong length)
    {
        ReadOnlySpan<byte> zeros = [0, 0, 0, 0, 0, 0, 0];
        Put(zeros[..(int)(-(long)length & 7)]);
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        Length += (ulong)bytes.Length;
        if (bytes.Length > BufferBytes - _buffered)
        {
            FlushBuffer();
            if (bytes.Length >= BufferBytes)
            {
                _output.Write(bytes);
                return;
            }
        }

        bytes.CopyTo(_buffer.AsSpan(_buffered));
        _buffered += bytes.Length;
    }

    private void FlushBuffer()
    {
        if (_buffered > 0)
        {
            _output.Write(_buffer.AsSpan(0, _buffered));
            _buffered = 0;
        }
    }

    private sealed class StreamNarOutput(Stream stream) : INarOutput
    {
        public void Write(ReadOnlySpan<byte> bytes) => stream.Write(bytes);
    }
}
