using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Client.Adding;

/// <summary>A path that the journal keeps, until it is completed.</summary>
/// <param name="Segment">Where it stands.</param>
internal sealed record JournalEntry(JournalSegment Segment)
{
    /// <summary>Whether it was set aside, by an earlier process or by this one.</summary>
    public bool IsSetAside => Segment.IsSetAside;
}

/// <summary>A path that an earlier process left.</summary>
/// <param name="Entry">To be completed, or set aside.</param>
/// <param name="Record">What it is.</param>
internal readonly record struct RecoveredPath(JournalEntry Entry, JournalRecord Record);

/// <summary>One file of a journal. What changes is guarded by the journal's lock.</summary>
internal sealed class JournalSegment(string path, byte[] salt, bool isSetAside)
{
    public string Path { get; } = path;

    /// <summary>Random bytes in the file's name that all sums begin with.</summary>
    public byte[] Salt { get; } = salt;

    public bool IsSetAside { get; } = isSetAside;

    /// <summary>Null where an earlier process wrote it.</summary>
    public SafeFileHandle? File { get; init; }

    public long Length { get; set; }

    /// <summary>Records that are not completed.</summary>
    public int Outstanding { get; set; }

    /// <summary>Whether nothing is appended any more.</summary>
    public bool IsSealed { get; set; }

    /// <summary>Whether some of it cannot be read: the file is kept.</summary>
    public bool IsDamaged { get; set; }
}

/// <summary>What an operator should know of a journal.</summary>
/// <param name="Directory">Where it lies.</param>
/// <param name="Waiting">Paths that were acknowledged and wait to be registered.</param>
/// <param name="SetAside">Paths that the server refused, kept with their reasons.</param>
/// <param name="DamagedFiles">Files that cannot be read whole, or are of another version, kept as they are.</param>
/// <param name="OtherStores">Directories of journals of other stores, with paths that wait for those to be mounted.</param>
/// <param name="Trouble">Why paths are registered before they are acknowledged at present; null where the journal works.</param>
public sealed record JournalStatus(
    string Directory, int Waiting, int SetAside, IReadOnlyList<string> DamagedFiles, IReadOnlyList<string> OtherStores, string? Trouble);
