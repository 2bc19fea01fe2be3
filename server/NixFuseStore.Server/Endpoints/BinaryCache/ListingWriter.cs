using System.Buffers;
using System.Text.Json;
using NixFuseStore.Content;
using NixFuseStore.Server.Content;

namespace NixFuseStore.Server.Endpoints.BinaryCache;

/// <summary>Writes <c>.ls</c> files: a tree as JSON, with the place of each file in the NAR.</summary>
internal sealed class ListingWriter
{
    /// <summary>Two for each directory of the deepest tree that a NAR may have, and some.</summary>
    private static readonly JsonWriterOptions Options = new() { MaxDepth = 4096, SkipValidation = true };

    private readonly StoredNar _nar;
    private readonly long[] _offsets;
    private readonly Utf8JsonWriter _json;

    private ListingWriter(StoredNar nar, Utf8JsonWriter json)
    {
        _nar = nar;
        _json = json;
        _offsets = new long[nar.Tree.Count];
        foreach (var piece in NarPieces.Enumerate(nar.Header, nar.Tree))
        {
            if (piece.Entry >= 0)
            {
                _offsets[piece.Entry] = piece.NarOffset;
            }
        }
    }

    /// <summary>The listing of a NAR, without a line feed at the end, as Nix writes it.</summary>
    public static ReadOnlyMemory<byte> Write(StoredNar nar)
    {
        var output = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(output, Options))
        {
            json.WriteStartObject();
            json.WriteNumber("version"u8, 1);
            json.WritePropertyName("root"u8);
            new ListingWriter(nar, json).WriteEntry(0);
            json.WriteEndObject();
        }

        return output.WrittenMemory;
    }

    private void WriteEntry(int entry)
    {
        _json.WriteStartObject();
        switch (_nar.Tree.Kind(entry))
        {
            case EntryKind.Directory:
                _json.WriteString("type"u8, "directory"u8);
                _json.WriteStartObject("entries"u8);
                var (first, count) = _nar.Tree.Children(entry);
                for (var child = first; child < first + count; child++)
                {
                    _json.WritePropertyName(_nar.Tree.Name(child));
                    WriteEntry(child);
                }

                _json.WriteEndObject();
                break;
            case EntryKind.Symlink:
                var target = new byte[_nar.Tree.Size(entry)];
                _ = _nar.Tree.GetTarget(entry, _nar.Header, target);
                _json.WriteString("type"u8, "symlink"u8);
                _json.WriteString("target"u8, target);
                break;
            default:
                _json.WriteString("type"u8, "regular"u8);
                _json.WriteNumber("size"u8, _nar.Tree.Size(entry));
                if (_nar.Tree.IsExecutable(entry))
                {
                    _json.WriteBoolean("executable"u8, true);
                }

                _json.WriteNumber("narOffset"u8, _offsets[entry]);
                break;
        }

        _json.WriteEndObject();
    }
}
