using NixFuseStore.Content;

namespace NixFuseStore.Client.Trees;

/// <content>What is in memory of the path's manifest.</content>
public sealed partial class PathHandle
{
    private volatile PathContent? _content;
    private volatile bool _touched;
    private long _readInVainAt;

    internal PathContent? Content
    {
        get
        {
            Touch();
            return _content;
        }

        set => _content = value;
    }

    /// <summary>At most one loading of each kind at a time, guarded by the handle's lock.</summary>
    internal Lock LoadGate { get; } = new();

    internal Task<ManifestTree>? TreeLoading { get; set; }

    internal Task<PathContent>? ContentLoading { get; set; }

    /// <summary>When a read last waited in vain until its deadline, as a timestamp; 0 where none did, or one succeeded since.</summary>
    internal long ReadInVainAt
    {
        get => Volatile.Read(ref _readInVainAt);
        set => Volatile.Write(ref _readInVainAt, value);
    }

    /// <summary>Whether the closure of the path was asked for, or came along with another.</summary>
    internal bool ClosureAsked { get; set; }

    internal bool TakeTouched()
    {
        var touched = _touched;
        _touched = false;
        return touched;
    }

    internal void Unload(object loaded)
    {
        if (_tree == loaded)
        {
            _tree = null;
        }

        if (_content == loaded)
        {
            _content = null;
        }
    }

    // Reads are many, so the flag's cache line is written only when it changes.
    private void Touch()
    {
        if (!_touched)
        {
            _touched = true;
        }
    }
}
