namespace NixFuseStore.Content;

/// <summary>
/// Binary search over ascending numbers. Not the library's: its generic code would be compiled at the first read of every process.
/// </summary>
internal static class SortedSearch
{
    /// <summary>The index of the first number that is at least <paramref name="wanted"/>, or the length where there is none.</summary>
    public static int FirstAtLeast(ReadOnlySpan<long> ascending, long wanted)
    {
        var (low, high) = (0, ascending.Length);
        while (low < high)
        {
            var middle = (int)(((uint)low + (uint)high) >> 1);
            (low, high) = ascending[middle] < wanted ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    /// <inheritdoc cref="FirstAtLeast(ReadOnlySpan{long}, long)"/>
    public static int FirstAtLeast(ReadOnlySpan<int> ascending, int wanted)
    {
        var (low, high) = (0, ascending.Length);
        while (low < high)
        {
            var middle = (int)(((uint)low + (uint)high) >> 1);
            (low, high) = ascending[middle] < wanted ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
