namespace NixFuseStore.Settings;

/// <summary>Finds the word that was probably meant.</summary>
public static class Nearest
{
    /// <summary>The word that differs least, if it differs by little: a third of its letters, and at least one.</summary>
    public static string? Find(string text, IEnumerable<string> words)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(words);
        string? best = null;
        var least = int.MaxValue;
        foreach (var word in words)
        {
            var distance = Distance(text, word);
            if (distance < least && distance <= Math.Max(1, word.Length / 3))
            {
                (best, least) = (word, distance);
            }
        }

        return best;
    }

    /// <summary>Letters to add, drop or change, and neighbours to swap (optimal string alignment).</summary>
    private static int Distance(string left, string right)
    {
        var rows = new int[left.Length + 1, right.Length + 1];
        for (var i = 0; i <= left.Length; i++)
        {
            for (var j = 0; j <= right.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    rows[i, j] = i + j;
                    continue;
                }

                var same = left[i - 1] == right[j - 1] ? 0 : 1;
                rows[i, j] = Math.Min(Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1, rows[i - 1, j - 1] + same);
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                {
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
                }
            }
        }

        return rows[left.Length, right.Length];
    }
}
