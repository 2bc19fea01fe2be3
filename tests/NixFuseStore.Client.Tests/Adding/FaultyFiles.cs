using Microsoft.Win32.SafeHandles;
using NixFuseStore.Client.Adding;

namespace NixFuseStore.Client.Tests.Adding;

/// <summary>A disk whose n-th operation fails, or all of one kind do.</summary>
/// <param name="failing">Number of the operation that fails, from 0; null for none.</param>
internal sealed class FaultyFiles(int? failing = null) : JournalFiles
{
    private int _operations;

    /// <summary>What fails whenever it is tried.</summary>
    public string? FailingKind { get; set; }

    /// <summary>How many operations there were.</summary>
    public int Operations => _operations;

    /// <summary>Whether anything has failed.</summary>
    public bool HasFailed { get; private set; }

    public override void CreateDirectory(string path)
    {
        Count(nameof(CreateDirectory));
        base.CreateDirectory(path);
    }

    public override SafeFileHandle Lock(string path)
    {
        Count(nameof(Lock));
        return base.Lock(path);
    }

    public override byte[] Read(string path)
    {
        Count(nameof(Read));
        return base.Read(path);
    }

    public override SafeFileHandle Create(string path)
    {
        Count(nameof(Create));
        return base.Create(path);
    }

    public override void Write(SafeFileHandle file, IReadOnlyList<ReadOnlyMemory<byte>> bytes, long offset)
    {
        if (Fails(nameof(Write)))
        {
            // As a disk does that fills up: part of it is there.
            base.Write(file, [bytes[0][..(bytes[0].Length / 2)]], offset);
            throw Error();
        }

        base.Write(file, bytes, offset);
    }

    public override void Flush(SafeFileHandle file)
    {
        Count(nameof(Flush));
        base.Flush(file);
    }

    public override void FlushDirectory(string path)
    {
        Count(nameof(FlushDirectory));
        base.FlushDirectory(path);
    }

    public override void Delete(string path)
    {
        Count(nameof(Delete));
        base.Delete(path);
    }

    private void Count(string kind)
    {
        if (Fails(kind))
        {
            throw Error();
        }
    }

    private bool Fails(string kind)
    {
        bool fails = _operations++ == failing || kind == FailingKind;
        HasFailed |= fails;
        return fails;
    }

    private static IOException Error() => new("Input/output error");
}
