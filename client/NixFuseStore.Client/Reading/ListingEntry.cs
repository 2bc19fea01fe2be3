using NixFuseStore.Content;

namespace NixFuseStore.Client.Reading;

/// <summary>A name in a listing. The server's word, not verified: good for names and kinds only.</summary>
/// <param name="BaseName">The base name, well-formed as a store path's.</param>
/// <param name="Kind">What the path's root is.</param>
public readonly record struct ListingEntry(string BaseName, EntryKind Kind);
