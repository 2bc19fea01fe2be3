using NixFuseStore.Cache.Checkpoints;
using NixFuseStore.Cache.Keys;
using Xunit;

namespace NixFuseStore.Cache.Tests.Keys;

public sealed class KeyTableTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly int _seed = Random.Shared.Next();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void RandomSteps_BehaveLikeADictionary()
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {_seed}");
        var random = new Random(_seed);
        var table = new KeyTable();
        var model = new Dictionary<ulong, (bool IsUsed, ChunkPlace Place)>();
        for (var step = 0; step < 200_000; step++)
        {
            // Few distinct homes, so that runs collide; and the names that a table could mistake for its marks.
            var key = KeyTable.Fingerprint(((ulong)(uint)random.Next(64) << (20 + (20 * random.Next(2)))) | (uint)random.Next(40));
            switch (random.Next(5))
            {
                case 0 or 1:
                    var place = new ChunkPlace(4 * random.NextInt64(1, ChunkPlace.AddressMax / 4), random.Next(1, (1 << 20) + 1));
                    Assert.Equal(!model.ContainsKey(key), table.Set(key, place));
                    model[key] = (model.TryGetValue(key, out var before) && before.IsUsed, place);
                    break;
                case 2:
                    Assert.Equal(model.Remove(key), table.Remove(key));
                    break;
                case 3:
                    Assert.Equal(model.ContainsKey(key), table.MarkUsed(key));
                    if (model.TryGetValue(key, out var marked))
                    {
                        model[key] = (true, marked.Place);
                    }

                    break;
                default:
                    Assert.Equal(model.TryGetValue(key, out var used) && used.IsUsed, table.TakeUsed(key));
                    if (model.ContainsKey(key))
                    {
                        model[key] = (false, used.Place);
                    }

                    break;
            }

            Assert.Equal(model.Count, table.Count);
            Assert.Equal(model.TryGetValue(key, out var known), table.TryFind(key, out var found));
            Assert.Equal(known.Place, found);
            if (step % 20_000 == 0)
            {
                table = WriteAndRead(table);
            }
        }

        var entries = table.EntriesBetween(0, long.MaxValue);
        Assert.Equal(model.Select(pair => new KeyEntry(pair.Key, pair.Value.IsUsed, pair.Value.Place)).ToHashSet(), entries.ToHashSet());
        Assert.Equal(entries.Select(entry => entry.Place.Address).Order(), entries.Select(entry => entry.Place.Address));
    }

    [Fact]
    public void Checkpoint_CutOffOrChangedAnywhere_IsRefused()
    {
        var table = new KeyTable();
        for (var i = 1; i < 20; i++)
        {
            table.Set(KeyTable.Fingerprint((ulong)i << 30), new ChunkPlace(i * 4096, i));
        }

        WriteAndRead(table);
        var path = Path.Combine(_directory.Path, CheckpointFile.Name);
        var whole = File.ReadAllBytes(path);
        Assert.Equal(CheckpointFile.FileBytes(table.Count), whole.Length);
        for (var i = 0; i < whole.Length; i++)
        {
            File.WriteAllBytes(path, whole[..i]);
            Assert.Throws<InvalidDataException>(() => CheckpointFile.TryRead(_directory.Path, fault: null));
            var changed = whole.ToArray();
            changed[i] ^= 0x10;
            File.WriteAllBytes(path, changed);
            Assert.Throws<InvalidDataException>(() => CheckpointFile.TryRead(_directory.Path, fault: null));
        }
    }

    [Fact]
    public void Checkpoint_NotThere_IsNone() => Assert.Null(CheckpointFile.TryRead(_directory.Path, fault: null));

    private KeyTable WriteAndRead(KeyTable table)
    {
        var checkpoint = new Checkpoint(1 << 20, 1 << 28, 1 << 18, 64, ChunkPlace.AddressMax);
        CheckpointFile.Write(_directory.Path, in checkpoint, table);
        var read = CheckpointFile.TryRead(_directory.Path, fault: null);
        Assert.Equal(checkpoint, read!.Value.Checkpoint);
        return read.Value.Keys;
    }
}
