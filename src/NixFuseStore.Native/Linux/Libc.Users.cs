using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Linux;

/// <summary>Users and groups by name, from wherever the system keeps them.</summary>
public static unsafe partial class Libc
{
    private const int NameBufferBytes = 64 << 10;

    /// <summary>The id of a user; null where there is none of that name, or the system cannot say.</summary>
    public static uint? FindUserId(string name)
    {
        Account account;
        Account* found = null;
        var buffer = new byte[NameBufferBytes];
        fixed (byte* start = buffer)
        {
            return Raw.FindUser(name, &account, start, NameBufferBytes, &found) == 0 && found != null ? account.Id : null;
        }
    }

    /// <summary>The id of a group; null where there is none of that name, or the system cannot say.</summary>
    public static uint? FindGroupId(string name)
    {
        Account account;
        Account* found = null;
        var buffer = new byte[NameBufferBytes];
        fixed (byte* start = buffer)
        {
            return Raw.FindGroup(name, &account, start, NameBufferBytes, &found) == 0 && found != null ? account.Id : null;
        }
    }

    /// <summary>What struct passwd and struct group begin with: name, password, and the id of the user or group. The rest is not read.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    private struct Account
    {
        [FieldOffset(16)]
        public uint Id;
    }

    private static partial class Raw
    {
        [LibraryImport(Library, EntryPoint = "getpwnam_r", StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int FindUser(string name, Account* account, byte* buffer, nuint bytes, Account** found);

        [LibraryImport(Library, EntryPoint = "getgrnam_r", StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int FindGroup(string name, Account* account, byte* buffer, nuint bytes, Account** found);
    }
}
