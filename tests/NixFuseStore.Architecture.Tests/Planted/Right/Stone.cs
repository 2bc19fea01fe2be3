namespace NixFuseStore.Architecture.Tests.Planted.Right;

internal sealed class Stone
{
    internal int Weight { get; init; }

    // The use that closes the circle, inside a method alone.
    internal static int Measure(Stone stone) => new Left.Wall(stone).Weight;
}
