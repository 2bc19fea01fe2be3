using System.Text;

namespace NixFuseStore.Content.Tests;

/// <summary>Random trees full of store hashes and of what only looks like them.</summary>
internal sealed class RandomTrees(int seed, string directory = "/nix/store")
{
    private const string Alphabet = "0123456789abcdfghijklmnpqrsvwxyz";
    private readonly Random _random = new(seed);
    private readonly List<string> _hashes = [];

    public string Hash()
    {
        if (_hashes.Count > 3 && _random.Next(4) != 0)
        {
            return _hashes[_random.Next(_hashes.Count)];
        }

        var hash = string.Concat(Enumerable.Range(0, 32).Select(_ => Alphabet[_random.Next(32)]));
        _hashes.Add(hash);
        return hash;
    }

    /// <summary>A real store path, or one that misses being one by little.</summary>
    public string PathLike() => _random.Next(12) switch
    {
        0 => $"{directory}/{Hash()[..31]}-short",
        1 => $"{directory}/{Hash()}0-long",
        2 => $"{directory}/{Hash()[..20]}e{Hash()[..11]}-letter",
        3 => $"{directory}/{Hash()}_dashless",
        4 => $"{directory}s/{Hash()}-elsewhere",
        5 => $"{directory}/{new string('e', 32)}-blank",
        6 => $"{directory}/{directory}/{Hash()}-twice",
        7 => $"{directory}/{Hash()}",
        8 => directory[.._random.Next(directory.Length)],
        _ => $"{directory}/{Hash()}-name",
    };

    public byte[] Content(int bytesAbout)
    {
        var text = new MemoryStream();
        while (text.Length < bytesAbout)
        {
            if (_random.Next(3) == 0)
            {
                var noise = new byte[_random.Next(200)];
                _random.NextBytes(noise);
                text.Write(noise);
            }
            else if (_random.Next(8) == 0)
            {
                text.Write(Encoding.ASCII.GetBytes(new string('e', _random.Next(80))));
            }
            else
            {
                text.Write(Encoding.ASCII.GetBytes(PathLike()));
            }
        }

        return text.ToArray();
    }

    public SampleTree Tree(int depth = 0)
    {
        switch (_random.Next(depth == 0 ? 4 : 6))
        {
            case 0 or 1 when depth < 5:
            case 2 when depth == 0:
                var names = Enumerable.Range(0, _random.Next(12)).Select(_ => Name()).Distinct(StringComparer.Ordinal);
                return new SampleTree.Folder([.. names.Select(name => (name, Tree(depth + 1)))]);
            case 3:
                return new SampleTree.Link(_random.Next(3) == 0 ? "target" : PathLike() + "/" + PathLike());
            default:
                var size = _random.Next(10) switch
                {
                    0 => 0,
                    1 => _random.Next(700_000),
                    2 => _random.Next(100_000),
                    _ => _random.Next(3_000),
                };
                return new SampleTree.File(size == 0 ? [] : Content(size), _random.Next(2) == 0);
        }
    }

    private string Name() => _random.Next(5) switch
    {
        0 => new string('n', _random.Next(1, 256)),
        1 => "ä" + _random.Next(100),
        2 => ".hidden",
        _ => ((char)_random.Next('A', 'z' + 1)).ToString() + _random.Next(50),
    };
}
