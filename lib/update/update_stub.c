/* placeholder until the first source of this layer lands */
typedef int update_not_empty;
