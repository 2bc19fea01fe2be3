using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Tests.Kernel;

/// <summary>What the kernel's header says of a struct, beside the type that mirrors it.</summary>
/// <param name="KernelName">Name of the struct in linux/fuse.h.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Fields">Our member, the kernel's field, its offset.</param>
/// <param name="Measure">Size and offsets of our type.</param>
public sealed record KernelLayout(
    string KernelName, int Bytes, (string Ours, string Theirs, int Offset)[] Fields, Func<(int Bytes, Dictionary<string, int> Offsets)> Measure)
{
    public static KernelLayout Of<T>(string kernelName, int bytes, params (string Ours, string Theirs, int Offset)[] fields)
        where T : unmanaged =>
        new(kernelName, bytes, fields, MeasureType<T>);

    public override string ToString() => KernelName;

    /// <summary>
    /// Fills a value with the offset of each of its 16-bit units and looks what each member then reads: that works for
    /// properties and fixed buffers alike, where Marshal.OffsetOf does not.
    /// </summary>
    private static (int Bytes, Dictionary<string, int> Offsets) MeasureType<T>()
        where T : unmanaged
    {
        T value = default;
        var units = MemoryMarshal.Cast<byte, ushort>(MemoryMarshal.AsBytes(new Span<T>(ref value)));
        for (var i = 0; i < units.Length; i++)
        {
            units[i] = (ushort)(i * sizeof(ushort));
        }

        var offsets = new Dictionary<string, int>();
        object boxed = value;
        foreach (var property in typeof(T).GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            Add(property.Name, property.GetValue(boxed));
        }

        foreach (var field in typeof(T).GetFields(BindingFlags.Public | BindingFlags.Instance))
        {
            Add(field.Name, field.GetValue(boxed));
        }

        return (Unsafe.SizeOf<T>(), offsets);

        void Add(string name, object? member)
        {
            if (member is Enum)
            {
                member = Convert.ChangeType(member, Enum.GetUnderlyingType(member.GetType()), CultureInfo.InvariantCulture);
            }

            offsets[name] = member switch
            {
                Fuse.Kernel.FuseAttr attributes => (int)(attributes.Inode & 0xFFFF),
                ulong number => (int)(number & 0xFFFF),
                IConvertible number => (int)(number.ToInt64(CultureInfo.InvariantCulture) & 0xFFFF),
                _ => -1,
            };
        }
    }
}
