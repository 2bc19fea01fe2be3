using System.Globalization;
using NixFuseStore.Cli.Settings;
using NixFuseStore.Client.Push;

namespace NixFuseStore.Cli.Commands;

/// <summary>What a push says of itself.</summary>
internal static class PushReport
{
    public static string Line(PushProgress progress) => string.Create(
        CultureInfo.InvariantCulture,
        $"pushing: {progress.PathsDone}/{progress.PathsTotal} paths, read {ByteSize.Format(progress.NarBytesRead)} of {ByteSize.Format(progress.NarBytesTotal)}, "
            + $"sent {progress.ChunksSent} chunks, {ByteSize.Format(progress.BytesSent)}{(progress.Trouble is { } trouble ? $"; trying again: {trouble}" : "")}");

    public static string Summary(PushResult result, PushProgress progress) => string.Create(
        CultureInfo.InvariantCulture,
        $"pushed {result.Count(PushOutcome.Registered)} paths ({result.Count(PushOutcome.AlreadyValid)} already present, {result.Count(PushOutcome.Conflict)} conflicting, "
            + $"{result.Count(PushOutcome.Healed)} healed, "
            + $"{result.Count(PushOutcome.Failed)} failed): sent {progress.ChunksSent} chunks, {progress.BytesSent} bytes in {progress.Requests} requests, {result.Elapsed.TotalSeconds:0.0} s");
}
