using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace NixFuseStore.Nix.Archives;

/// <summary>
/// Finds which store paths a NAR refers to, as Nix does after a build: a path is referred to where its hash part stands anywhere in the
/// bytes, names and link targets included. Not for several threads at once.
/// </summary>
public sealed class ReferenceScanner : INarOutput
{
    private const int Length = StorePath.HashPartLength;

    private static readonly SearchValues<byte> Digits = SearchValues.Create(Encoding.ASCII.GetBytes(NixBase32.Alphabet));

    private readonly Dictionary<string, StorePath> _wanted;
    private readonly HashSet<ulong> _beginnings;
    private readonly HashSet<StorePath> _found = [];
    private readonly byte[] _window = new byte[2 * Length];
    private int _held;

    /// <summary>Begins with nothing.</summary>
    /// <param name="candidates">Paths that may be referred to.</param>
    public ReferenceScanner(IEnumerable<StorePath> candidates)
    {
        _wanted = candidates.DistinctBy(static path => path.HashPart).ToDictionary(static path => path.HashPart, StringComparer.Ordinal);
        _beginnings = [.. _wanted.Keys.Select(static part => BinaryPrimitives.ReadUInt64LittleEndian(Encoding.ASCII.GetBytes(part)))];
    }

    /// <summary>Those of the candidates that were found so far.</summary>
    public IReadOnlyCollection<StorePath> Found => _found;

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        // 1. What lies across the last piece and this one.
        int head = Math.Min(bytes.Length, Length - 1);
        bytes[..head].CopyTo(_window.AsSpan(_held));
        Scan(_window.AsSpan(0, _held + head));

        // 2. What lies in this one.
        Scan(bytes);

        // 3. What may go on in the next one.
        if (bytes.Length >= Length - 1)
        {
            _held = Length - 1;
            bytes[^_held..].CopyTo(_window);
        }
        else
        {
            int held = Math.Min(_held + bytes.Length, Length - 1);
            _window.AsSpan(_held + bytes.Length - held, held).CopyTo(_window);
            _held = held;
        }
    }

    // A byte that is no base-32 rules out all that would reach over it, so that most bytes are never looked at. Within a long run of digits
    // each byte is looked at once more, and of most hash parts their first eight characters say that nobody looks for them.
    private void Scan(ReadOnlySpan<byte> bytes)
    {
        int start = 0;
        int known = 0; // digits from the start on
        while (start + Length <= bytes.Length)
        {
            int last = bytes[(start + known)..(start + Length)].LastIndexOfAnyExcept(Digits);
            if (last >= 0)
            {
                start += known + last + 1;
                known = 0;
                continue;
            }

            var hashPart = bytes.Slice(start, Length);
            if (_beginnings.Contains(BinaryPrimitives.ReadUInt64LittleEndian(hashPart))
                && _wanted.TryGetValue(Encoding.ASCII.GetString(hashPart), out var path))
            {
                _found.Add(path);
            }

            start++;
            known = Length - 1;
        }
    }
}
