using NixFuseStore.Architecture.Tests.Planted.Right;

namespace NixFuseStore.Architecture.Tests.Planted.Left;

internal sealed class Wall(Stone stone)
{
    internal int Weight => stone.Weight * 3;
}
