namespace NixFuseStore.FileSystem.Listing;

/// <summary>
/// Names that are followed by another with the same first letters, numbered as they are met. There are few, since hash parts are hashes; the
/// bound keeps a store that was made on purpose from filling the memory.
/// </summary>
internal sealed class SharedPrefixNames
{
    private const int NamesMax = 65_536;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly List<string> _names = [];

    /// <summary>The number of a name; false when there are too many.</summary>
    public bool TryGetNumber(string baseName, out int number)
    {
        lock (_gate)
        {
            if (_numbers.TryGetValue(baseName, out number))
            {
                return true;
            }

            number = _names.Count;
            if (number == NamesMax)
            {
                return false;
            }

            _numbers.Add(baseName, number);
            _names.Add(baseName);
            return true;
        }
    }

    /// <summary>The name of a number, or null for a number that was never given.</summary>
    public string? Find(int number)
    {
        lock (_gate)
        {
            return number >= 0 && number < _names.Count ? _names[number] : null;
        }
    }
}
