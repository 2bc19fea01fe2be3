namespace NixFuseStore.Nix.Archives;

/// <content>Which string may follow which, and what the visitor hears of it.</content>
public sealed partial class NarParser
{
    // The directories around the current node; a level keeps the name of the child read last.
    private readonly List<Level> _levels = [];
    private int _depth;
    private bool _executable;

    private enum Expected
    {
        Magic,
        NodeOpen,
        TypeKey,
        TypeValue,
        ExecutableOrContents,
        ExecutableValue,
        ContentsKey,
        ContentsLength,
        ContentsBytes,
        ContentsPadding,
        FileClose,
        TargetKey,
        TargetValue,
        LinkClose,
        EntryOrClose,
        EntryOpen,
        NameKey,
        NameValue,
        NodeKey,
        EntryClose,
        Nothing,
    }

    // The root has no name; any other node has that of the entry it stands in.
    private ReadOnlySpan<byte> NodeName => _depth == 0 ? default : _levels[_depth - 1].LastName;

    private void Advance(ReadOnlySpan<byte> text)
    {
        switch (_expected)
        {
            case Expected.Magic:
                Require(text, "nix-archive-1"u8, Expected.NodeOpen);
                break;
            case Expected.NodeOpen:
                Require(text, "("u8, Expected.TypeKey);
                break;
            case Expected.TypeKey:
                Require(text, "type"u8, Expected.TypeValue);
                break;
            case Expected.TypeValue:
                BeginNode(text);
                break;
            case Expected.ExecutableOrContents:
                _executable = text.SequenceEqual("executable"u8);
                if (_executable)
                {
                    _expected = Expected.ExecutableValue;
                }
                else
                {
                    Require(text, "contents"u8, Expected.ContentsLength);
                }

                break;
            case Expected.ExecutableValue:
                Require(text, ""u8, Expected.ContentsKey);
                break;
            case Expected.ContentsKey:
                Require(text, "contents"u8, Expected.ContentsLength);
                break;
            case Expected.TargetKey:
                Require(text, "target"u8, Expected.TargetValue);
                break;
            case Expected.TargetValue:
                ReadTarget(text);
                break;
            case Expected.FileClose or Expected.LinkClose:
                Require(text, ")"u8, Expected.EntryClose);
                NodeEnded();
                break;
            case Expected.EntryOrClose:
                ReadEntryOrClose(text);
                break;
            case Expected.EntryOpen:
                Require(text, "("u8, Expected.NameKey);
                break;
            case Expected.NameKey:
                Require(text, "name"u8, Expected.NameValue);
                break;
            case Expected.NameValue:
                ReadName(text);
                break;
            case Expected.NodeKey:
                Require(text, "node"u8, Expected.NodeOpen);
                break;
            case Expected.EntryClose:
                Require(text, ")"u8, Expected.EntryOrClose);
                break;
            default:
                throw new InvalidOperationException($"No string is read in state {_expected}.");
        }
    }

    private void BeginNode(ReadOnlySpan<byte> type)
    {
        if (type.SequenceEqual("regular"u8))
        {
            _expected = Expected.ExecutableOrContents;
        }
        else if (type.SequenceEqual("symlink"u8))
        {
            _expected = Expected.TargetKey;
        }
        else if (type.SequenceEqual("directory"u8))
        {
            if (_depth == NarLimits.DepthMax)
            {
                throw new NarFormatException($"The NAR has directories nested deeper than {NarLimits.DepthMax}.");
            }

            _visitor.EnterDirectory(NodeName);
            if (_levels.Count == _depth)
            {
                _levels.Add(new Level());
            }

            _levels[_depth++].Clear();
            _expected = Expected.EntryOrClose;
        }
        else
        {
            throw new NarFormatException($"The NAR has a node of the unknown type {Quote(type)}.");
        }
    }

    private void BeginContents(ulong size)
    {
        if (size > NarLimits.FileBytesMax)
        {
            throw new NarFormatException($"The NAR has a file of {size} bytes, which no file can have.");
        }

        _visitor.BeginFile(NodeName, _executable, size);
        _contentsRemaining = size;
        _contentsPadding = (int)(-(long)size & 7);
        _expected = Expected.ContentsBytes;
        if (size == 0)
        {
            EndContents();
        }
    }

    private void EndContents()
    {
        if (_contentsPadding > 0)
        {
            NextToken(Expected.ContentsPadding);
            _tokenNeeded = _contentsPadding;
        }
        else
        {
            NextToken(Expected.FileClose);
            _visitor.EndFile();
        }
    }

    private void ReadTarget(ReadOnlySpan<byte> target)
    {
        if (!NarLimits.IsTarget(target))
        {
            throw new NarFormatException($"The NAR has a link to {Quote(target)}, which no link can have as its target.");
        }

        _visitor.Symlink(NodeName, target);
        _expected = Expected.LinkClose;
    }

    private void ReadEntryOrClose(ReadOnlySpan<byte> text)
    {
        if (text.SequenceEqual("entry"u8))
        {
            _expected = Expected.EntryOpen;
            return;
        }

        Require(text, ")"u8, Expected.EntryClose);
        _depth--;
        _visitor.LeaveDirectory();
        NodeEnded();
    }

    private void ReadName(ReadOnlySpan<byte> name)
    {
        if (!NarLimits.IsEntryName(name))
        {
            throw new NarFormatException($"The NAR has an entry named {Quote(name)}, which no file can be.");
        }

        var level = _levels[_depth - 1];
        if (level.HasLastName && name.SequenceCompareTo(level.LastName) <= 0)
        {
            throw new NarFormatException($"The NAR has the entry {Quote(name)} after {Quote(level.LastName)}; entries must ascend.");
        }

        level.SetLastName(name);
        _expected = Expected.NodeKey;
    }

    private void NodeEnded() => _expected = _depth == 0 ? Expected.Nothing : Expected.EntryClose;

    private void Require(ReadOnlySpan<byte> text, ReadOnlySpan<byte> wanted, Expected next)
    {
        if (!text.SequenceEqual(wanted))
        {
            throw new NarFormatException($"The NAR has {Quote(text)} where {Describe(_expected)} must stand.");
        }

        _expected = next;
    }

    private static string Describe(Expected expected) => expected switch
    {
        Expected.Magic => "'nix-archive-1'",
        Expected.NodeOpen or Expected.EntryOpen => "'('",
        Expected.TypeKey => "'type'",
        Expected.TypeValue => "a type",
        Expected.ExecutableOrContents => "'executable' or 'contents'",
        Expected.ExecutableValue => "an empty string",
        Expected.ContentsKey => "'contents'",
        Expected.TargetKey => "'target'",
        Expected.TargetValue => "a link's target",
        Expected.FileClose or Expected.LinkClose or Expected.EntryClose => "')'",
        Expected.EntryOrClose => "'entry' or ')'",
        Expected.NameKey => "'name'",
        Expected.NameValue => "a name",
        Expected.NodeKey => "'node'",
        _ => "something else",
    };

    private sealed class Level
    {
        private readonly byte[] _name = new byte[NarLimits.NameBytesMax];
        private int _length;

        internal bool HasLastName => _length > 0;

        internal ReadOnlySpan<byte> LastName => _name.AsSpan(0, _length);

        internal void Clear() => _length = 0;

        internal void SetLastName(ReadOnlySpan<byte> name)
        {
            name.CopyTo(_name);
            _length = name.Length;
        }
    }
}
