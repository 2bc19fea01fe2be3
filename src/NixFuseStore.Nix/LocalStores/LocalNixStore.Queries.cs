using Microsoft.Data.Sqlite;

namespace NixFuseStore.Nix.LocalStores;

/// <content>What the database says of paths.</content>
public sealed partial class LocalNixStore
{
    private const string PathColumns = "id, path, hash, registrationTime, deriver, narSize, ultimate, sigs, ca";

    /// <summary>The record of a path, or null where it is not valid.</summary>
    /// <exception cref="LocalStoreException">The database cannot be read, or says what Nix never writes.</exception>
    public PathInfo? Find(StorePath path)
    {
        lock (_gate)
        {
            try
            {
                _findPath.Parameters[0].Value = Directory.Print(path);
                PathInfo info;
                long id;
                using (var reader = _findPath.ExecuteReader())
                {
                    if (!reader.Read())
                    {
                        return null;
                    }

                    (id, info) = ReadPath(reader);
                }

                return info with { References = FindReferences(id) };
            }
            catch (SqliteException exception)
            {
                throw LocalStoreDatabase.Error(_connection.DataSource, exception);
            }
        }
    }

    /// <summary>The records of some paths and of all that they refer to, directly or not; referenced paths come first.</summary>
    /// <exception cref="LocalStoreException">One of the paths is not valid, or the database cannot be read.</exception>
    public IReadOnlyList<PathInfo> Closure(IEnumerable<StorePath> roots)
    {
        ArgumentNullException.ThrowIfNull(roots);
        var closure = new List<PathInfo>();
        var seen = new HashSet<StorePath>();
        var open = new Stack<(PathInfo Info, int Next)>();
        foreach (var root in roots)
        {
            Visit(root);
            while (open.TryPop(out var top))
            {
                if (top.Next == top.Info.References.Count)
                {
                    closure.Add(top.Info);
                    continue;
                }

                open.Push((top.Info, top.Next + 1));
                Visit(top.Info.References[top.Next]);
            }
        }

        return closure;

        void Visit(StorePath path)
        {
            if (seen.Add(path))
            {
                open.Push((Find(path) ?? throw new LocalStoreException($"{Directory.Print(path)} is not valid in the Nix store at '{_root}'."), 0));
            }
        }
    }

    /// <summary>The records of all valid paths, in the bytewise order of base names.</summary>
    /// <exception cref="LocalStoreException">The database cannot be read, or says what Nix never writes.</exception>
    public IReadOnlyList<PathInfo> All()
    {
        lock (_gate)
        {
            try
            {
                var paths = new List<(long Id, PathInfo Info)>();
                using (var command = _connection.CreateCommand())
                {
                    command.CommandText = $"SELECT {PathColumns} FROM ValidPaths ORDER BY path";
                    using var reader = command.ExecuteReader();
                    while (reader.Read())
                    {
                        paths.Add(ReadPath(reader));
                    }
                }

                return [.. paths.Select(path => path.Info with { References = FindReferences(path.Id) })];
            }
            catch (SqliteException exception)
            {
                throw LocalStoreDatabase.Error(_connection.DataSource, exception);
            }
        }
    }

    private List<StorePath> FindReferences(long id)
    {
        var references = new List<StorePath>();
        _findReferences.Parameters[0].Value = id;
        using var reader = _findReferences.ExecuteReader();
        while (reader.Read())
        {
            references.Add(ParsePath(reader.GetString(0)));
        }

        return references;
    }

    private (long Id, PathInfo Info) ReadPath(SqliteDataReader reader)
    {
        var path = ParsePath(reader.GetString(1));
        string hash = reader.GetString(2);
        string? address = Text(reader, 8);
        var info = new PathInfo
        {
            Path = path,
            NarHash = NixHash.TryParse(hash, NixHashAlgorithm.Sha256, out var narHash) ? narHash! : throw Strange(path, $"the hash '{hash}'"),
            NarSize = reader.IsDBNull(5) ? 0 : (ulong)reader.GetInt64(5),
            RegistrationTime = reader.GetInt64(3),

            // Some versions wrote "unknown-deriver" here.
            Deriver = Text(reader, 4) is { } deriver && Directory.TryParse(deriver, out var deriverPath) ? deriverPath : null,
            Ultimate = !reader.IsDBNull(6) && reader.GetInt64(6) != 0,
            Signatures = ParseSignatures(Text(reader, 7)),
            ContentAddress = string.IsNullOrEmpty(address) ? null
                : ContentAddress.TryParse(address, out var parsed) ? parsed
                : throw Strange(path, $"the content address '{address}'"),
        };
        return (reader.GetInt64(0), info);
    }

    // Signatures of other kinds than Ed25519 may come one day; they are not ours to pass on.
    private static List<NixSignature> ParseSignatures(string? text)
    {
        var signatures = new List<NixSignature>();
        foreach (string word in (text ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (NixSignature.TryParse(word, out var signature))
            {
                signatures.Add(signature!);
            }
        }

        return signatures;
    }

    private StorePath ParsePath(string text) => Directory.TryParse(text, out var path)
        ? path
        : throw new LocalStoreException($"The Nix store at '{_root}' names '{text}', which is no path in {Directory}.");

    private LocalStoreException Strange(StorePath path, string what) =>
        new($"The Nix store at '{_root}' has {what} for {Directory.Print(path)}, which cannot be read.");

    private static string? Text(SqliteDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
}
