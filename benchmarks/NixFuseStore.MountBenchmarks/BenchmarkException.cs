namespace NixFuseStore.MountBenchmarks;

/// <summary>Something that a measurement needs did not work; the message says what.</summary>
internal sealed class BenchmarkException(string message) : Exception(message);
