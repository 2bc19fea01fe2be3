using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>A path of a registration on its way to an outcome.</summary>
internal sealed class PathRow(PathRegistration path)
{
    public PathRegistration Path { get; } = path;

    public string HashPart { get; } = path.Path.HashPart;

    /// <summary>Distinct and sorted.</summary>
    public StorePath[] References { get; } = [.. path.References.Distinct().Order()];

    /// <summary>Null until it is decided.</summary>
    public RegistrationOutcome? Outcome { get; set; }

    /// <summary>An earlier one of the same registration with the same hash part, whose fate it shares.</summary>
    public PathRow? SameAs { get; set; }

    public List<ChunkId> MissingChunks { get; } = [];

    public List<StorePath> MissingReferences { get; } = [];

    /// <summary>As it is registered now.</summary>
    public StoredPath? Stored { get; set; }

    public RegistrationResult ToResult() => new(Outcome!.Value, Stored, MissingChunks, MissingReferences);
}
