using System.Globalization;
using System.Text;
using NixFuseStore.Content;

namespace NixFuseStore.Benchmarks.ChunkSizes;

/// <summary>The file pages that a program's cold start reads, from a file that touched-pages.py wrote.</summary>
internal sealed class TouchedPages
{
    private readonly List<(string Path, string[] Names, ulong Offset, int Length)> _runs = [];

    private TouchedPages(string name) => Name = name;

    public string Name { get; }

    public static IReadOnlyList<TouchedPages> Load(string folder) =>
        [.. Directory.GetFiles(folder, "*.pages").Order(StringComparer.Ordinal).Select(Read)];

    /// <summary>
    /// The compressed bytes and the number of distinct chunks that hold the pages; and the bytes of those that a client which has them
    /// still lacks to read the same pages of a rebuild.
    /// </summary>
    public (long Bytes, int Chunks, long Again) Cost(
        Dictionary<string, Manifest> manifests, Dictionary<string, Manifest> rebuilt, StudyChunks chunks)
    {
        var needed = Needed(path => manifests[path]);
        var byName = rebuilt.ToLookup(pair => pair.Key[32..], pair => pair.Value, StringComparer.Ordinal);
        var again = Needed(path => byName[path[32..]].First());
        again.ExceptWith(needed);
        return (needed.Sum(id => (long)chunks.Stored(id)), needed.Count, again.Sum(id => (long)chunks.Stored(id)));
    }

    private HashSet<ChunkId> Needed(Func<string, Manifest> find)
    {
        var needed = new HashSet<ChunkId>();
        foreach (var path in _runs.GroupBy(run => run.Path))
        {
            var manifest = find(path.Key);
            var tree = manifest.Header.OpenTree(manifest.Tree);
            var list = manifest.Header.OpenChunks(manifest.Chunks);
            foreach (var (_, names, offset, length) in path)
            {
                var entry = 0;
                foreach (var name in names)
                {
                    if (!tree.TryFind(entry, Encoding.UTF8.GetBytes(name), out entry))
                    {
                        throw new InvalidDataException($"{path.Key} has no {string.Join('/', names)}.");
                    }
                }

                foreach (var slice in ContentRange.Locate(tree, list, entry, offset, length))
                {
                    needed.Add(list.Id(slice.Ordinal));
                }
            }
        }

        return needed;
    }

    private static TouchedPages Read(string file)
    {
        var pages = new TouchedPages(Path.GetFileNameWithoutExtension(file));
        foreach (var line in File.ReadLines(file))
        {
            var fields = line.Split(' ', 3);
            var names = fields[2].Split('/');
            pages._runs.Add((names[0], names[1..],
                ulong.Parse(fields[0], CultureInfo.InvariantCulture), int.Parse(fields[1], CultureInfo.InvariantCulture)));
        }

        return pages;
    }
}
