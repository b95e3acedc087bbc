/* placeholder until the first source of this layer lands */
typedef int format_not_empty;
