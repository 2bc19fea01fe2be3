using NixFuseStore.Nix;

namespace NixFuseStore.Client.Tests.Fixtures;

/// <summary>Makes names and random trees; the seed says all.</summary>
internal sealed class SourceStore(int seed)
{
    private readonly Random _random = new(seed);
    private readonly List<string> _hashes = [];

    public Random Random => _random;

    /// <summary>A base name that was not given before.</summary>
    public string Name(string name)
    {
        Span<byte> hash = stackalloc byte[20];
        _random.NextBytes(hash);
        var text = StorePath.Create(hash, name).BaseName;
        _hashes.Add(text);
        return text;
    }

    public SourcePath Path(string name, SourceEntry tree, params SourcePath[] references) => new(Name(name), tree, references);

    public byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        _random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>Half text with store paths in it, half noise; compressible here and there.</summary>
    public byte[] Content(int length)
    {
        var bytes = Bytes(length);
        for (var at = 0; at < length; at += 1 + _random.Next(4096))
        {
            var count = Math.Min(_random.Next(2048), length - at);
            bytes.AsSpan(at, count).Fill((byte)'e');
            if (_hashes.Count > 0 && count > 0)
            {
                var path = System.Text.Encoding.ASCII.GetBytes("/nix/store/" + _hashes[_random.Next(_hashes.Count)]);
                var length2 = Math.Min(path.Length, length - at);
                path.AsSpan(0, length2).CopyTo(bytes.AsSpan(at));
            }
        }

        return bytes;
    }

    public SourceEntry Tree(int depth = 3, int bigFileMax = 3 << 20)
    {
        var children = new List<(string, SourceEntry)>();
        var count = 1 + _random.Next(8);
        for (var i = 0; i < count; i++)
        {
            var name = $"{(char)('a' + _random.Next(26))}{i}";
            children.Add((name, _random.Next(10) switch
            {
                0 => SourceEntry.Link(_hashes.Count > 0 ? "/nix/store/" + _hashes[_random.Next(_hashes.Count)] + "/x" : "../y"),
                1 => SourceEntry.File([]),
                2 => SourceEntry.File(Content(_random.Next(bigFileMax))),
                < 6 when depth > 0 => Tree(depth - 1, bigFileMax),
                _ => SourceEntry.File(Content(_random.Next(60_000))),
            }));
        }

        return SourceEntry.Directory([.. children]);
    }
}
