using NixFuseStore.Content;

namespace NixFuseStore.Client.ReadAhead;

/// <summary>
/// Files that are read in pairs: after <c>__pycache__/types.cpython-311.pyc</c> comes <c>types.py</c>, after <c>foo.c</c> comes <c>foo.h</c>. Once two pairs were seen,
/// the second file is foretold when the first is read. One for a path; any thread.
/// </summary>
internal sealed class CoAccessedFiles
{
    /// <summary>Pairs that must have been seen before one is foretold.</summary>
    private const int SeenMin = 2;

    /// <summary>Foretellings in a row that were not followed end a rule, until it is seen again.</summary>
    private const int VainMax = 4;

    private const int NameBytesMax = 255;

    private readonly Lock _gate = new();
    private int _previous = -1;
    private Rule? _rule;

    private enum Place
    {
        SameDirectory,
        ParentDirectory,
    }

    /// <summary>A small file is read from its start, for the first time.</summary>
    /// <returns>The file that will probably be read next; -1 for no idea.</returns>
    public int OnRead(ManifestTree tree, int entry)
    {
        lock (_gate)
        {
            var previous = _previous;
            _previous = entry;
            if (previous >= 0 && previous != entry)
            {
                Learn(tree, previous, entry);
            }

            var found = _rule is { Seen: >= SeenMin, Vain: < VainMax } ? Find(tree, entry, _rule) : -1;
            if (found >= 0)
            {
                _rule!.Vain++;
            }

            return found;
        }
    }

    private void Learn(ManifestTree tree, int first, int second)
    {
        var firstName = tree.Name(first);
        var secondName = tree.Name(second);
        var firstDot = firstName.IndexOf((byte)'.');
        var secondDot = secondName.IndexOf((byte)'.');
        if (firstDot <= 0 || secondDot != firstDot || !firstName[..firstDot].SequenceEqual(secondName[..secondDot]))
        {
            return;
        }

        Place place;
        if (tree.Parent(second) == tree.Parent(first))
        {
            place = Place.SameDirectory;
        }
        else if (tree.Parent(second) == tree.Parent(tree.Parent(first)))
        {
            place = Place.ParentDirectory;
        }
        else
        {
            return;
        }

        if (_rule is { } rule && rule.Place == place && firstName[firstDot..].SequenceEqual(rule.FirstSuffix) && secondName[secondDot..].SequenceEqual(rule.SecondSuffix))
        {
            rule.Seen++;
            rule.Vain = 0;
        }
        else
        {
            _rule = new Rule { Place = place, FirstSuffix = firstName[firstDot..].ToArray(), SecondSuffix = secondName[secondDot..].ToArray(), Seen = 1 };
        }
    }

    private static int Find(ManifestTree tree, int entry, Rule rule)
    {
        var name = tree.Name(entry);
        var dot = name.IndexOf((byte)'.');
        if (dot <= 0 || !name[dot..].SequenceEqual(rule.FirstSuffix) || dot + rule.SecondSuffix.Length > NameBytesMax)
        {
            return -1;
        }

        Span<byte> wanted = stackalloc byte[NameBytesMax];
        name[..dot].CopyTo(wanted);
        rule.SecondSuffix.CopyTo(wanted[dot..]);
        var directory = tree.Parent(entry);
        directory = rule.Place == Place.ParentDirectory ? tree.Parent(directory) : directory;
        return tree.TryFind(directory, wanted[..(dot + rule.SecondSuffix.Length)], out var found) && tree.Kind(found) == EntryKind.Regular ? found : -1;
    }

    private sealed class Rule
    {
        public Place Place { get; init; }

        public byte[] FirstSuffix { get; init; } = [];

        public byte[] SecondSuffix { get; init; } = [];

        public int Seen { get; set; }

        /// <summary>Foretellings since it was last seen.</summary>
        public int Vain { get; set; }
    }
}
