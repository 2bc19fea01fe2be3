namespace NixFuseStore.Client.Prefetch;

/// <summary>Names that a <see cref="PathScan"/> wants to know.</summary>
/// <param name="After">The base name behind which they lie.</param>
/// <param name="Limit">How many.</param>
/// <param name="IsCheck">Asked to see whether the paths entered lately are neighbours.</param>
/// <param name="WithContent">The program reads content: small paths are fetched whole.</param>
internal readonly record struct ScanStep(string After, int Limit, bool IsCheck, bool WithContent);
