namespace NixFuseStore.Storage.Metadata;

/// <summary>Some events in a row.</summary>
/// <param name="Events">Ascending; empty where there is nothing new.</param>
/// <param name="Head">The number of the newest event at that moment.</param>
/// <param name="Resync">Events behind the asked-for number are no longer known (or it was never given out): list again, go on from <paramref name="Head"/>.</param>
public sealed record EventPage(IReadOnlyList<StoreEvent> Events, ulong Head, bool Resync);
