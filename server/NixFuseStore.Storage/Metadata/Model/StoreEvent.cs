using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>
/// Tells an event from one that has the same number in another history of the database: a database that is restored from a backup gives its
/// numbers out again, with other ids. 128 random bits; events that one transaction writes together share theirs.
/// </summary>
/// <param name="Value">The bits, most significant byte first where they are written; 0 for the position before the first event.</param>
public readonly record struct StoreEventId(UInt128 Value)
{
    /// <summary>Bytes of an id.</summary>
    public const int Size = 16;

    /// <summary>A new id.</summary>
    public static StoreEventId Create() => Read(RandomNumberGenerator.GetBytes(Size));

    /// <summary>Reads what <see cref="ToArray"/> gave. Bytes of any other length are the id of no event.</summary>
    public static StoreEventId Read(ReadOnlySpan<byte> bytes) => bytes.Length == Size ? new StoreEventId(BinaryPrimitives.ReadUInt128BigEndian(bytes)) : default;

    /// <summary>16 bytes; none before the first event.</summary>
    public byte[] ToArray()
    {
        if (Value == 0)
        {
            return [];
        }

        var bytes = new byte[Size];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, Value);
        return bytes;
    }

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("x32", CultureInfo.InvariantCulture);
}

/// <summary>Where a follower stands in the events of a store: the last event that it saw. The default is before the first.</summary>
/// <param name="Number">The event's number.</param>
/// <param name="Id">Its id, which tells whether the number still means the same event.</param>
public readonly record struct EventPosition(ulong Number, StoreEventId Id);

/// <summary>A path became valid or ceased to be.</summary>
/// <param name="Number">Ascending by one within a store, in the order of commits.</param>
/// <param name="Id">Random.</param>
/// <param name="Kind">What happened.</param>
/// <param name="Path">To which path.</param>
public readonly record struct StoreEvent(ulong Number, StoreEventId Id, StoreEventKind Kind, StorePath Path)
{
    /// <summary>Where a follower stands that has seen this event.</summary>
    public EventPosition Position => new(Number, Id);
}

/// <summary>What an event tells. The numbers are those of the protocol.</summary>
public enum StoreEventKind
{
    /// <summary>The path became valid.</summary>
    Registered = 1,

    /// <summary>The path was removed.</summary>
    Removed = 2,

    /// <summary>The path, valid before and after, got further signatures.</summary>
    SignaturesAdded = 3,

    /// <summary>The path, valid before and after, lies elsewhere, or something of it was found damaged or is whole again.</summary>
    ContentChanged = 4,
}

/// <summary>Some events in a row.</summary>
/// <param name="Events">Ascending; empty where there is nothing new.</param>
/// <param name="Head">The newest event at that moment.</param>
/// <param name="Resync">
/// Events behind the asked-for position are not known: they are too old, or the database has another history than the asker saw. Whatever was
/// concluded from events has to be found out again; events go on from <paramref name="Head"/>.
/// </param>
public sealed record EventPage(IReadOnlyList<StoreEvent> Events, EventPosition Head, bool Resync)
{
    /// <summary>Where a follower stands that stood at a position and has dealt with this page.</summary>
    public EventPosition Behind(EventPosition after) => Resync ? Head : Events.Count > 0 ? Events[^1].Position : after;
}
