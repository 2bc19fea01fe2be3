namespace NixFuseStore.Content.Tests;

/// <summary>Writes sections by hand, also such as no builder writes.</summary>
internal static class Sections
{
    public static byte[] Bytes(params object[] parts)
    {
        var writer = new SectionWriter(64);
        foreach (var part in parts)
        {
            switch (part)
            {
                case int number:
                    writer.WriteVarint((ulong)number);
                    break;
                case long number:
                    writer.WriteVarint((ulong)number);
                    break;
                case string text:
                    writer.WriteBytes(System.Text.Encoding.UTF8.GetBytes(text));
                    break;
                case byte[] bytes:
                    writer.WriteBytes(bytes);
                    break;
                default:
                    throw new ArgumentException("no such part", nameof(parts));
            }
        }

        return writer.ToArray();
    }

    /// <summary>A tree with something of everything.</summary>
    public static SampleTree Everything() => new SampleTree.Folder(
        ("bin", new SampleTree.Folder(
            ("sh", new SampleTree.Link("/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-bash/bin/sh")),
            ("tool", new SampleTree.File("#!/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-bash/bin/sh\n/nix/store/1a5gd045z0d4icpbc2yyz4gx48ak44la-x\n"u8.ToArray(), true)))),
        ("empty", new SampleTree.Folder()),
        ("lib", new SampleTree.Folder(
            ("a", new SampleTree.File([])),
            ("b", new SampleTree.File(new string('x', 300_000))),
            ("c", new SampleTree.Link("/nix/store/2bbgd045z0d4icpbc2yyz4gx48ak44la-y:/nix/store/1a5gd045z0d4icpbc2yyz4gx48ak44la-x")))));

    /// <summary>Runs a parser on every truncation and on many mutations: it must succeed or throw a format exception.</summary>
    public static void Torture(byte[] valid, Action<byte[]> parse, bool truncationIsAlwaysRefused = true)
    {
        parse(valid);
        for (var length = 0; length < valid.Length; length++)
        {
            var cut = valid[..length];
            if (length == 0 || !truncationIsAlwaysRefused)
            {
                Survives(() => parse(cut));
            }
            else
            {
                Assert.Throws<ManifestFormatException>(() => parse(cut));
            }
        }

        Assert.Throws<ManifestFormatException>(() => parse([.. valid, 0]));
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        for (var round = 0; round < 20_000; round++)
        {
            var changed = (byte[])valid.Clone();
            for (var count = random.Next(1, 4); count > 0; count--)
            {
                changed[random.Next(changed.Length)] = random.Next(3) switch
                {
                    0 => (byte)random.Next(256),
                    1 => 0xFF,
                    _ => (byte)random.Next(4),
                };
            }

            Survives(() => parse(changed), $"seed {seed}, round {round}");
        }
    }

    private static void Survives(Action parse, string about = "")
    {
        try
        {
            parse();
        }
        catch (ManifestFormatException)
        {
            // Refused, as it may be.
        }
        catch (Exception exception)
        {
            Assert.Fail($"{about}: {exception}");
        }
    }
}
