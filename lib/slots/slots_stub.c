/* placeholder until the first source of this layer lands */
typedef int slots_not_empty;
