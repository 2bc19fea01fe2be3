namespace NixFuseStore.Cli.Commands;

/// <summary>Where a command writes: results to one, progress and complaints to the other.</summary>
internal sealed record CommandOutput(TextWriter Output, TextWriter Error);
