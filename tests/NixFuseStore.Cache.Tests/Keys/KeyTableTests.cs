using NixFuseStore.Cache.Keys;
using Xunit;

namespace NixFuseStore.Cache.Tests.Keys;

public sealed class KeyTableTests
{
    private readonly int _seed = Random.Shared.Next();

    [Fact]
    public void RandomSteps_BehaveLikeADictionary()
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {_seed}");
        var random = new Random(_seed);
        var table = new KeyTable();
        var model = new Dictionary<ulong, bool>();
        for (var step = 0; step < 200_000; step++)
        {
            // Few distinct homes, so that runs collide; and the names that a table could mistake for its marks.
            var key = KeyTable.Fingerprint(((ulong)(uint)random.Next(64) << (20 + (20 * random.Next(2)))) | (uint)random.Next(40));
            switch (random.Next(5))
            {
                case 0 or 1:
                    Assert.Equal(model.TryAdd(key, false), table.Add(key));
                    break;
                case 2:
                    Assert.Equal(model.Remove(key), table.Remove(key));
                    break;
                case 3:
                    Assert.Equal(model.ContainsKey(key), table.MarkUsed(key));
                    if (model.ContainsKey(key))
                    {
                        model[key] = true;
                    }

                    break;
                default:
                    Assert.Equal(model.Remove(key, out var used) && used, table.TakeUsed(key));
                    if (table.Contains(key))
                    {
                        model[key] = false;
                    }

                    break;
            }

            Assert.Equal(model.Count, table.Count);
            if (step % 20_000 == 0)
            {
                table = KeyTable.FromBytes(table.ToBytes());
            }
        }

        Assert.Equal(model.Keys.Order(), table.Snapshot().Select(KeyTable.Fingerprint).Order());
    }

    [Fact]
    public void FromBytes_WhatIsNoTable_IsRefused()
    {
        Assert.Throws<InvalidDataException>(() => KeyTable.FromBytes(new byte[7]));
        Assert.Throws<InvalidDataException>(() => KeyTable.FromBytes(new byte[8]));
        Assert.Throws<InvalidDataException>(() => KeyTable.FromBytes([3, 0, 0, 0, 0, 0, 0, 0]));
        Assert.Equal(0, KeyTable.FromBytes([]).Count);
    }
}
