namespace NixFuseStore.Content;

/// <summary>The 256 random words of the rolling hash, frozen under parameter id 1.</summary>
internal static class GearTable
{
    // Nothing but a start: any other would do as well, but every manifest depends on this one.
    private const ulong Seed = 0x6E69_7866_7573_6531; // "nixfuse1"

    /// <summary>Made at first use; reading paths never cuts anything.</summary>
    public static ulong[] Words => field ??= Generate();

    /// <summary>SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).</summary>
    private static ulong[] Generate()
    {
        var words = new ulong[256];
        var state = Seed;
        for (var index = 0; index < words.Length; index++)
        {
            state += 0x9E37_79B9_7F4A_7C15;
            var word = state;
            word = (word ^ (word >> 30)) * 0xBF58_476D_1CE4_E5B9;
            word = (word ^ (word >> 27)) * 0x94D0_49BB_1331_11EB;
            words[index] = word ^ (word >> 31);
        }

        return words;
    }
}
