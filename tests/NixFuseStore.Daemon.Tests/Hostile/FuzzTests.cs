using System.Buffers.Binary;
using NixFuseStore.Daemon.Tests.Clients;

namespace NixFuseStore.Daemon.Tests.Hostile;

/// <summary>Random and mutated conversations. A failure names its seed; run it again with that alone.</summary>
public sealed class FuzzTests
{
    private const int SessionsPerSeed = 150;

    private static readonly int[] Minors = [18, 20, 21, 22, 24, 25, 27, 30, 34, 37, 38];

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 20)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task MutatedConversations_EndWithoutHarm(int seed)
    {
        var random = new Random(seed);
        for (int session = 0; session < SessionsPerSeed; session++)
        {
            int minor = Minors[random.Next(Minors.Length)];
            byte[] bytes = Mutate(random, Compose(random, minor));
            await RunAsync(seed, session, bytes, random);
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task RandomBytes_EndWithoutHarm(int seed)
    {
        var random = new Random(seed);
        for (int session = 0; session < SessionsPerSeed; session++)
        {
            byte[] noise = new byte[random.Next(2000)];
            random.NextBytes(noise);
            if (random.Next(2) == 0)
            {
                // Mostly small numbers: they are read as operations, lengths and counts.
                for (int i = 0; i < noise.Length; i++)
                {
                    noise[i] = i % 8 == 0 ? (byte)(noise[i] % 50) : (byte)0;
                }
            }

            await RunAsync(seed, session, HostileSession.Join(TestDaemon.Greet(Minors[random.Next(Minors.Length)]).ToArray(), noise), random);
        }
    }

    private static async Task RunAsync(int seed, int session, byte[] bytes, Random random)
    {
        try
        {
            await HostileSession.RunAsync(bytes, trusted: random.Next(4) > 0, pieceBytes: random.Next(3) == 0 ? random.Next(1, 64) : int.MaxValue);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {seed}, session {session}: {Convert.ToHexStringLower(bytes)}", e);
        }
    }

    private static byte[] Compose(Random random, int minor)
    {
        var requests = SampleRequests.All(minor);
        var bytes = TestDaemon.Greet(minor);
        for (int i = random.Next(1, 6); i > 0; i--)
        {
            bytes.Raw(requests[random.Next(requests.Count)]);
        }

        return bytes.ToArray();
    }

    private static byte[] Mutate(Random random, byte[] bytes)
    {
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            int at = random.Next(bytes.Length);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2 when bytes.Length >= 16:
                    BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(at / 8 * 8 % (bytes.Length - 8)), random.NextInt64() >> random.Next(64));
                    break;
                case 3:
                    bytes = [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + random.Next(1, 24))..]];
                    break;
                case 4:
                    bytes = [.. bytes[..at], .. bytes[(at / 2)..at], .. bytes[at..]];
                    break;
                default:
                    bytes = [.. bytes, .. bytes[at..]];
                    break;
            }

            if (bytes.Length == 0)
            {
                return bytes;
            }
        }

        return bytes;
    }
}
