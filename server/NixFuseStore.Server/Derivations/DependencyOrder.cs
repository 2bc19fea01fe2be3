namespace NixFuseStore.Server.Derivations;

/// <summary>Puts things behind what they need.</summary>
internal static class DependencyOrder
{
    /// <summary>
    /// All the keys, each behind those that it needs and that are among them. Where they need each other in a circle, which one comes
    /// first is undefined. Takes no stack, however long the chains are.
    /// </summary>
    public static List<TKey> Sort<TKey>(IReadOnlyCollection<TKey> keys, Func<TKey, IEnumerable<TKey>> needs)
        where TKey : notnull
    {
        var left = keys.ToHashSet();
        var ordered = new List<TKey>(keys.Count);
        var open = new Stack<(TKey Key, IEnumerator<TKey> Needs)>();
        foreach (var key in keys)
        {
            if (!left.Remove(key))
            {
                continue;
            }

            open.Push((key, needs(key).GetEnumerator()));
            while (open.TryPeek(out var top))
            {
                if (!top.Needs.MoveNext())
                {
                    top.Needs.Dispose();
                    open.Pop();
                    ordered.Add(top.Key);
                }
                else if (left.Remove(top.Needs.Current))
                {
                    open.Push((top.Needs.Current, needs(top.Needs.Current).GetEnumerator()));
                }
            }
        }

        return ordered;
    }
}
